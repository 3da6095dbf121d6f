/** The credential helper: installing it, and asking it for tokens. */
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { Failure } = require('./runner.js');

const NAME = 'docker-credential-ecr-vend';
const COMMAND = 'ecr-vend';
const WINDOWS = process.platform === 'win32';
const PYTHONS = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];

/** What to do in a workflow about a line of the helper that starts so. */
const CURES = {
  'ecr-vend: no endpoint is set': 'Here: give the step the input `endpoint`.',
  'ecr-vend: no AWS credentials were found':
    'Here: run aws-actions/configure-aws-credentials before this step, in a job with ' +
    '`permissions: id-token: write`. A pull request from a fork gets neither secrets nor that token.',
};

/**
 * Install the client into an environment of its own, and link its programs into `bin`.
 *
 * That folder is for the PATH and holds nothing else: with the environment's own, `python` and `pip`
 * of the steps that follow would be others.
 */
function install(folder, bin, version) {
  if (!/^[0-9][0-9A-Za-z.!+]*$/.test(version)) {
    throw new Failure(`the input \`version\` is not a version: ${version}`);
  }
  const python = PYTHONS.find(
    (name) => spawnSync(name, ['-I', '-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0,
  );
  if (!python) {
    throw new Failure('Python 3.11 or newer is not on the PATH: run actions/setup-python before this step');
  }
  const venv = path.join(folder, 'venv');
  const programs = path.join(venv, WINDOWS ? 'Scripts' : 'bin');
  // Isolated, or Python would take modules from the repository that is checked out here.
  must(python, ['-I', '-m', 'venv', venv]);
  const pip = ['-I', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  must(path.join(programs, 'python'), [...pip, `ecr-vend==${version}`]);
  for (const name of [NAME, COMMAND]) {
    const file = WINDOWS ? `${name}.exe` : name;
    if (WINDOWS) fs.copyFileSync(path.join(programs, file), path.join(bin, file));
    else fs.symlinkSync(path.join(programs, file), path.join(bin, file));
  }
}

function must(program, words) {
  const done = spawnSync(program, words, { encoding: 'utf8' });
  if (done.status !== 0) {
    const said = done.error?.message ?? `${done.stdout}${done.stderr}`.trim();
    throw new Failure(`ecr-vend could not be installed: ${said}`);
  }
}

/** The environment in which to call the client: this one, its settings, and `bin` on the PATH. */
function environment(bin, settings) {
  const found = { ...process.env, ...settings };
  // Windows writes it `Path`, and a copy of its variables no longer minds how they are written.
  const name = Object.keys(found).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  found[name] = [bin, found[name]].filter(Boolean).join(path.delimiter);
  return found;
}

function call(program, words, given, env) {
  return spawnSync(program, words, {
    encoding: 'utf8',
    env,
    input: given,
    // A call ends by itself within 26 seconds.
    timeout: 60_000,
  });
}

/**
 * Ask for a token; the answer is `{username, password}`.
 *
 * What the helper wrote is shown only when it is a refusal: nothing else is known to hold no token.
 */
function get(host, env) {
  const done = call(NAME, ['get'], host, env);
  if (done.error?.code === 'ENOENT') {
    throw new Failure(`${NAME} is not on the PATH: leave out \`install: false\`, or install it before this step`);
  }
  if (done.status === 1) {
    const said = done.stdout.trim();
    const cure = Object.entries(CURES).find(([start]) => said.startsWith(start));
    throw new Failure(`${host}: ${said}${cure ? ` ${cure[1]}` : ''}`);
  }
  try {
    const { Username: username, Secret: password } = JSON.parse(done.stdout);
    if (done.status === 0 && username && password) return { username, password };
  } catch {
    // The words of a parser's error would quote what it could not read.
  }
  throw new Failure(`${host}: ${NAME} ended without an answer (${done.error?.code ?? done.signal ?? done.status})`);
}

/** When the token for a host ends, or undefined where the client cannot say. */
function expiry(host, env) {
  const done = call(COMMAND, ['get', host, '--format', 'json'], '', env);
  try {
    return JSON.parse(done.stdout).expires_at;
  } catch {
    return undefined;
  }
}

/** Drop the tokens kept for a host. */
function erase(host, env) {
  call(NAME, ['erase'], host, env);
}

module.exports = { CURES, environment, erase, expiry, get, install };
