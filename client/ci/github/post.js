/** The job's end: log out, and remove what the step made, however far it came. Never fails. */
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const helper = require('./helper.js');
const runner = require('./runner.js');

function post() {
  const state = process.env.STATE_job;
  if (!state) return; // the step ended before it made anything
  const { before, folder, hosts, settings } = JSON.parse(state);
  const environment = helper.environment(path.join(folder, 'bin'), settings);
  // A renewal still on its way keeps nothing after this. Where no helper was installed there is
  // nothing to erase, and the tokens go with the folder in any case.
  for (const host of hosts) helper.erase(host, environment);
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  // Steps before this one end after it; what they logged in to is in their own configuration.
  if (process.env.DOCKER_CONFIG === path.join(folder, 'docker')) {
    runner.set('ENV', 'DOCKER_CONFIG', before);
  }
}

try {
  post();
} catch (failure) {
  const what = failure.syscall ? failure.message : failure.name;
  runner.command('warning', `ecr-vend could not remove all it made for this job: ${what}`);
}
