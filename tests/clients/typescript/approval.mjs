// A person approves what the TypeScript client asks for.
//
// Usage: approval.mjs PROGRAM CONTAINER APPROVE

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const [program, container, approve] = process.argv.slice(2);

// When the engine last started the container, as it says.
const started = () =>
  execFileSync('docker', ['inspect', '--format', '{{.State.StartedAt}}', container]).toString();

const client = new Client(
  { name: 'typescript', version: '1' },
  { capabilities: {}, versionNegotiation: { mode: 'auto' } },
);
await client.connect(new StdioClientTransport({ command: program, args: ['mcp'] }));
assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');

// The answer's text, whether it is an error, and its data for programs.
async function call(name, args) {
  const answer = await client.callTool({ name, arguments: args });
  const text = answer.content.map((block) => block.text).join('');
  return { text, error: answer.isError ?? false, data: answer._meta['countersign/result'] };
}

const before = started();
const wanted = { container, timeout: 1 };
const { text, error, data } = await call('restart_container', wanted);
assert(data.status === 'approval_required' && !error, text);
assert(text.includes(`countersign approve ${data.ask}`), text);
assert(text.includes(`confirmToken=${data.confirmToken} `), text);

const early = await call('check_ask', { ask: data.ask });
assert(early.text.includes('nobody has decided yet') && !early.error, early.text);
const again = { ...wanted, confirmToken: data.confirmToken };
const still = await call('restart_container', again);
assert(still.data.status === 'approval_required' && !still.error, still.text);

const waiting = call('check_ask', { ask: data.ask, wait: 55 });
await promisify(execFile)(approve, [data.ask]);
const decided = await waiting;
assert(decided.text.includes('approved by alice'), decided.text);
assert.equal(started(), before, 'it restarted before it was asked to');

const done = await call('restart_container', again);
assert(done.data.status === 'ok' && !done.error, done.text);
const after = started();
assert.notEqual(after, before, 'the approved restart did not happen');
const replay = await call('restart_container', again);
assert(replay.error && replay.data.reason === 'token_used', replay.text);
assert.equal(started(), after, 'an approval worked twice');
await client.close();
console.log('typescript: asked, waited, and restarted once when alice had approved');
