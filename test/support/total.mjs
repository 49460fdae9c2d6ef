// Adds up what test/run.sh ran: each NAME.status is the exit code of a check, NAME.json vitest's report of a suite.
// Says what failed, and `N passed, N failed` as the last line.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const directory = process.argv[2] ?? '.';
let passed = 0;
const failures = [];

for (const file of readdirSync(directory).filter((name) => name.endsWith('.status'))) {
  const name = file.slice(0, -'.status'.length);
  const code = readFileSync(join(directory, file), 'utf8').trim();
  const report = join(directory, `${name}.json`);
  const before = failures.length;
  if (existsSync(report)) countSuite(JSON.parse(readFileSync(report, 'utf8')));
  else if (code === '0') passed += 1;
  if (code !== '0' && failures.length === before)
    failures.push(`${name}: ended with exit code ${code}, see above`);
}
if (passed === 0 && failures.length === 0) failures.push('nothing was run');

if (failures.length > 0) console.log(`\nWhat failed:\n${failures.map((each) => `  ✗ ${each}`).join('\n')}`);
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

function countSuite(report) {
  for (const file of report.testResults) {
    const path = relative(process.cwd(), file.name);
    const before = failures.length;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed += 1;
      else failures.push(`${path}: ${test.fullName}: ${reason(test)}`);
    }
    if (file.status === 'failed' && failures.length === before)
      failures.push(`${path}: ${firstLine(file.message) ?? 'could not be run'}`);
  }
}

// A test that did not run has shown nothing.
function reason(test) {
  return test.status === 'failed'
    ? (firstLine(test.failureMessages?.[0]) ?? 'failed')
    : `did not run (${test.status})`;
}

function firstLine(text) {
  return text?.split('\n').find((line) => line.trim() !== '');
}
