/** What a step says to GitHub's runner: inputs, workflow commands, and the runner's files. */
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');

/** A failure whose text is for whoever reads the job's log. */
class Failure extends Error {}

/** The text of an input, without the blanks around it; empty when it was not given. */
function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
}

/** An input that is one line. */
function line(name) {
  const text = input(name);
  if (/[\r\n]/.test(text)) throw new Failure(`the input \`${name}\` must be one line`);
  return text;
}

/** An input that is a list: one a line, or separated by commas. */
function list(name) {
  return input(name)
    .split(/[\r\n,]+/)
    .map((item) => item.trim())
    .filter(Boolean);
}

/** An input that is `true` or `false`. */
function flag(name) {
  const word = input(name);
  if (word !== 'true' && word !== 'false') {
    throw new Failure(`the input \`${name}\` must be true or false`);
  }
  return word === 'true';
}

/** Give the runner a workflow command. Escaped, so that no text can start another command. */
function command(name, text) {
  const escaped = text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  process.stdout.write(`::${name}::${escaped}\n`);
}

/**
 * Set a name in one of the runner's files: ENV, OUTPUT or STATE.
 *
 * The value stands between two lines that nobody can guess, so whatever it holds, it cannot set
 * another name.
 */
function set(file, name, value) {
  const delimiter = `ecr-vend-${crypto.randomUUID()}`;
  if (`${name}${value}`.includes(delimiter)) {
    throw new Failure(`${name} holds the delimiter that was to enclose it`);
  }
  append(file, `${name}<<${delimiter}\n${value}\n${delimiter}`);
}

/** Put a folder in front of the PATH of the steps that follow. */
function addPath(folder) {
  append('PATH', folder);
}

function append(file, text) {
  const path = process.env[`GITHUB_${file}`];
  if (!path) throw new Failure(`GITHUB_${file} is not set: this runs as a step of GitHub Actions`);
  fs.appendFileSync(path, `${text}\n`);
}

module.exports = { Failure, addPath, command, flag, input, line, list, set };
