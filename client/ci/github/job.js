/** What the action makes for a job: one private folder, and the variables that point into it. */
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Failure, input, line, list } = require('./runner.js');

const ONE_LINE = ['endpoint', 'region', 'profile', 'role', 'ttl', 'grant', 'reason'];
const SCOPE = ['access', 'pull', 'push', 'pull-through'];

const variable = (name) => `ECR_VEND_${name.replace('-', '_').toUpperCase()}`;

/** The folder's path, not made yet. GitHub empties RUNNER_TEMP before and after each job. */
function newFolder() {
  const temporary = process.env.RUNNER_TEMP;
  if (!temporary) throw new Failure('RUNNER_TEMP is not set: this runs as a step of GitHub Actions');
  return path.join(temporary, `ecr-vend-${crypto.randomUUID()}`);
}

/** The entries `HOST` and `ALIAS=HOST` of the registries. */
function registries() {
  const entries = list('registries').map((entry) => entry.toLowerCase());
  if (entries.length === 0) throw new Failure('the input `registries` names no registry');
  for (const entry of entries) {
    if (!/^([a-z0-9.-]+(:[0-9]+)?=)?[a-z0-9.-]+$/.test(entry)) {
      throw new Failure(`the input \`registries\`: ${entry} is neither HOST nor ALIAS=HOST`);
    }
  }
  return entries;
}

/**
 * The client's settings as variables.
 *
 * Not in a configuration file: the environment wins over every file, so only here an input counts
 * whatever the job or the machine has set.
 */
function settings(folder, entries) {
  const found = { ECR_VEND_CACHE_DIR: path.join(folder, 'cache') };
  // Beside what the job has, which may be an earlier use of this action.
  const had = (process.env.ECR_VEND_REGISTRIES ?? '').split(',').filter(Boolean);
  found.ECR_VEND_REGISTRIES = [...new Set([...had, ...entries])].join(',');
  for (const name of ONE_LINE) {
    const value = line(name);
    if (value) found[variable(name)] = value;
  }
  if (!found.ECR_VEND_REASON && !process.env.ECR_VEND_REASON) {
    const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = process.env;
    if (run) found.ECR_VEND_REASON = `${server}/${repository}/actions/runs/${run}`;
  }
  // One group: what the job set of it before must not mix with what this step asks for.
  if (SCOPE.some(input)) {
    for (const name of SCOPE) found[variable(name)] = list(name).join(',');
  }
  return found;
}

/** Where docker's configuration is for this job before the action. */
function dockerConfig() {
  return path.resolve(process.env.DOCKER_CONFIG || path.join(os.homedir(), '.docker'));
}

/**
 * Make a docker configuration that adds the helper to the one the job has.
 *
 * A copy, and links to all that lies beside it (contexts, builders, plugins): two jobs of one user
 * must not undo each other's entries, and a killed one must not leave any.
 */
function makeDockerConfig(folder, hosts) {
  const before = dockerConfig();
  const file = path.join(before, 'config.json');
  let config = {};
  if (fs.existsSync(file)) {
    try {
      config = JSON.parse(fs.readFileSync(file, 'utf8'));
    } catch {
      // Without the parser's words: they would quote the file, which may hold passwords.
      config = null;
    }
  }
  if (config?.constructor !== Object) throw new Failure(`${file} is not a JSON object: correct or remove it`);
  const beside = fs.existsSync(before) ? fs.readdirSync(before, { withFileTypes: true }) : [];
  for (const entry of beside) {
    if (entry.name !== 'config.json') carryOver(before, folder, entry);
  }
  config.credHelpers = { ...config.credHelpers };
  for (const host of hosts) config.credHelpers[host] = 'ecr-vend';
  const text = `${JSON.stringify(config, null, 2)}\n`;
  fs.writeFileSync(path.join(folder, 'config.json'), text, { mode: 0o600 });
}

function carryOver(before, folder, entry) {
  const [from, to] = [path.join(before, entry.name), path.join(folder, entry.name)];
  // Windows lets everybody make junctions, and few make links to files.
  if (process.platform !== 'win32' || entry.isDirectory()) fs.symlinkSync(from, to, 'junction');
  else fs.copyFileSync(from, to);
}

module.exports = { makeDockerConfig, newFolder, registries, settings };
