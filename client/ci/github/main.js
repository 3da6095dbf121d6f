/** The step itself: tokens at hand, and everything set so that later steps just use them. */
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const helper = require('./helper.js');
const job = require('./job.js');
const runner = require('./runner.js');

function main() {
  const entries = job.registries();
  // What registry clients will ask for: the alias, where there is one.
  const hosts = entries.map((entry) => entry.split('=')[0]);
  const outputPassword = runner.flag('output-password');
  const mask = runner.flag('mask-password');
  const install = runner.flag('install');
  if (!mask && !outputPassword) {
    throw new runner.Failure('`mask-password: false` is for `output-password: true` only');
  }
  const folder = job.newFolder();
  const settings = job.settings(folder, entries);
  // Before anything is made, so that the post step can remove it wherever this one ends.
  const before = process.env.DOCKER_CONFIG ?? '';
  runner.set('STATE', 'job', JSON.stringify({ before, folder, hosts, settings }));

  fs.mkdirSync(folder, { mode: 0o700 });
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(bin);
  const environment = helper.environment(bin, settings);
  if (install) {
    helper.install(folder, bin, runner.line('version'));
    runner.addPath(bin);
  }
  const docker = path.join(folder, 'docker');
  fs.mkdirSync(docker, { mode: 0o700 });
  job.makeDockerConfig(docker, hosts);

  const tokens = hosts.map((host) => {
    const token = helper.get(host, environment);
    if (mask) {
      // As it is, and as it stands in headers and in docker's files.
      runner.command('add-mask', token.password);
      const both = `${token.username}:${token.password}`;
      runner.command('add-mask', Buffer.from(both).toString('base64'));
    }
    return { ...token, host, ends: helper.expiry(host, environment) };
  });

  if (hosts.length === 1) runner.set('OUTPUT', 'registry', hosts[0]);
  const ends = tokens.map((token) => token.ends).filter(Boolean).sort();
  if (ends.length > 0) runner.set('OUTPUT', 'expires-at', ends[0]);
  for (const { host, username, password } of outputPassword ? tokens : []) {
    const name = host.replace(/[^a-zA-Z0-9_]+/g, '_');
    runner.set('OUTPUT', `docker_username_${name}`, username);
    runner.set('OUTPUT', `docker_password_${name}`, password);
  }
  runner.set('ENV', 'DOCKER_CONFIG', docker);
  for (const [name, value] of Object.entries(settings)) runner.set('ENV', name, value);
  process.stdout.write(`logged in to ${hosts.join(', ')}\n`);
}

try {
  main();
} catch (failure) {
  // Of a mistake of ours only the kind is told: its words may quote anything.
  const known = failure instanceof runner.Failure || failure.syscall;
  runner.command('error', known ? failure.message : `a fault in the action itself (${failure.name})`);
  process.exitCode = 1;
}
