// Drives the real server with the TypeScript SDK, in both of its generations and each way in which
// they find a revision of the protocol, without dialogs and with them.
//
// Usage: client.mjs PROGRAM CONTAINER AUDIT_DIR

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

import { Client as Client2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Transport2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const [program, container, auditDir] = process.argv.slice(2);
const server = { command: program, args: ['mcp', '--audit-dir', auditDir] };
const identity = { name: 'typescript', version: '1' };

// dialog: what answers dialogs; none for a client that has none.
const options = (dialog) => ({ capabilities: dialog ? { elicitation: {} } : {} });

const generation1 = async (dialog) => {
  const client = new Client1(identity, options(dialog));
  if (dialog) client.setRequestHandler(ElicitRequestSchema, dialog);
  await client.connect(new Transport1(server));
  return client;
};

// version: the revision that has to be found.
const generation2 = (mode, version) => async (dialog) => {
  const client = new Client2(identity, { ...options(dialog), versionNegotiation: { mode } });
  if (dialog) client.setRequestHandler('elicitation/create', dialog);
  await client.connect(new Transport2(server));
  assert.equal(client.getNegotiatedProtocolVersion(), version);
  return client;
};

const CLIENTS = {
  'sdk 1.32': generation1,
  'client 2, legacy': generation2('legacy', '2025-11-25'),
  'client 2, auto': generation2('auto', '2026-07-28'),
  'client 2, pinned': generation2({ pin: '2026-07-28' }, '2026-07-28'),
};

// When the engine last started the container, as it says.
const started = () =>
  execFileSync('docker', ['inspect', '--format', '{{.State.StartedAt}}', container]).toString();

// The answer's text, whether it is an error, and its data for programs.
async function call(client, name, args = {}) {
  const answer = await client.callTool({ name, arguments: args });
  assert.equal(answer.structuredContent, undefined, 'the text must be the answer');
  const text = answer.content.map((block) => block.text).join('');
  return { text, error: answer.isError ?? false, data: answer._meta['countersign/result'] };
}

async function reads(client) {
  const { tools } = await client.listTools();
  const names = tools.map((tool) => tool.name);
  assert(['ping', 'list_containers', 'restart_container'].every((name) => names.includes(name)));
  assert.equal((await call(client, 'ping')).text, 'pong');
  const listed = await call(client, 'list_containers', { name: container });
  assert(listed.text.includes(container) && !listed.error, listed.text);
}

// The token way: preview, done, and a replay that is refused.
async function restarts(client) {
  const args = { container, timeout: 1 };
  const before = started();
  const preview = await call(client, 'restart_container', args);
  assert.equal(preview.data.status, 'confirmation_required', preview.text);
  const again = { ...args, confirmToken: preview.data.confirmToken };
  assert(preview.text.includes(`confirmToken=${again.confirmToken} `), preview.text);
  assert.equal(started(), before, 'a preview restarted the container');

  const done = await call(client, 'restart_container', again);
  assert.equal(done.data.status, 'ok', done.text);
  const after = started();
  assert.notEqual(after, before, 'the confirmed restart did not happen');

  const replay = await call(client, 'restart_container', again);
  assert(replay.error && replay.text.startsWith('Error: '), replay.text);
  assert.equal(replay.data.reason, 'token_used');
  assert.equal(started(), after, 'a replayed token restarted the container');
}

// Somebody sits before the client, or a program does: how a dialog is answered, and after how long.
const READING = 400;
const YES = { action: 'accept', content: { confirm: true } };

async function asks(connect) {
  let answer, after, shown;
  const client = await connect(async ({ params }) => {
    shown = params.message;
    await wait(after);
    return answer;
  });
  const restart = (how, late) => {
    [answer, after, shown] = [how, late, undefined];
    return call(client, 'restart_container', { container, timeout: 1 });
  };

  let before = started();
  const done = await restart(YES, READING);
  assert(shown.includes(container) && shown.includes('Restart'), shown);
  assert(!shown.includes('confirmToken'), 'the dialog shows the token');
  assert.equal(done.data.status, 'ok', done.text);
  assert.notEqual(started(), before, 'the confirmed restart did not happen');

  before = started();
  // Nobody reads so fast, so nobody was asked: what is left is the token.
  const unseen = await restart(YES, 0);
  assert.equal(unseen.data.status, 'confirmation_required', unseen.text);
  assert(unseen.text.includes('confirmToken='), unseen.text);
  const refused = {
    assurance_too_low: await restart({ action: 'cancel' }, READING),
    approval_denied: await restart({ action: 'decline' }, READING),
  };
  for (const [reason, { text, error, data }] of Object.entries(refused)) {
    assert(error && !text.includes('confirmToken='), text);
    assert.deepEqual([data.status, data.reason], ['denied', reason], text);
  }
  assert.equal(started(), before, 'it restarted without a yes');
  await client.close();
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  const client = await connect();
  await reads(client);
  await restarts(client);
  await client.close();
  console.log(`typescript, ${name}: listed, read, previewed, restarted, refused a replay`);
  await asks(connect);
  console.log(`typescript, ${name}: restarted by its dialog; declined, closed and unread ones did nothing`);
}
