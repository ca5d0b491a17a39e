// An SMSC that does what tests tell it: the protocol is npm's `smpp`, the policy is ours.
//
//   node node_smsc.js CONFIG      where CONFIG is JSON: {host, port, control, modules, key, cert}
//
// At `control` (a TCP port) it takes commands, one JSON object a line, and answers each with a line {"id":…, "ok":…} or
// {"id":…, "error":…}. To everybody there it tells what happens, as lines {"event":…}.
'use strict';
const fs = require('fs');
const net = require('net');
const config = JSON.parse(process.argv[2]);
const smpp = require(config.modules + '/smpp');

const USUAL = {
  style: 'std',            // of receipts: std, dec, sec, hexerr, tlv, none
  receipt_after: 20,       // milliseconds; before the answer if negative
  receipt_on: '',          // 'other': on another session than the one of the message
  bind_status: 0, bind_bare: false, bind_silent: false,
  behind_bind: '',         // octets in hex that go out in one segment with the answer to the bind
  enquire: true,           // answer to enquire_link
  unbind: true,            // answer to unbind
  submit: 'answer',        // answer, silent, drop, half (half of the answer, then the end), reverse (see `batch`), empty (no id)
  batch: 0,
  refuse: [],              // statuses for the next messages, one each; 0 is none
  congestion: null,
  quiet: false,            // tell nobody of messages
  clock: false,            // note when messages came, for `times`
};
let policy = { ...USUAL };
let lastId = 0x1a2b3c00;
let lastSession = 0;
const sessions = new Map();
const watchers = new Set();
const held = [];
const noted = [];

const two = (x) => String(x).padStart(2, '0');
const stamp = () => {
  const d = new Date();
  return two(d.getFullYear() % 100) + two(d.getMonth() + 1) + two(d.getDate()) + two(d.getHours()) + two(d.getMinutes())
    + (policy.style === 'sec' ? two(d.getSeconds()) : '');
};
const plain = (value) => {
  if (Buffer.isBuffer(value)) return { hex: value.toString('hex') };
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object' && !(value instanceof Date)) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  }
  return value;
};
const fields = (options) => Object.fromEntries(Object.entries(options).map(
  ([k, v]) => [k, v && typeof v === 'object' && 'hex' in v ? Buffer.from(v.hex, 'hex') : v]));
const tell = (event) => {
  const line = JSON.stringify(event) + '\n';
  for (const watcher of watchers) watcher.write(line);
};

function receipt(session, pdu, id) {
  const hex = id.toString(16);
  const bad = pdu.destination_addr.endsWith('9');
  const { style } = policy;
  const err = style === 'hexerr' ? '0A1' : bad ? '011' : '000';
  const text = `id:${style === 'dec' ? id : hex} sub:001 dlvrd:001 submit date:${stamp()} done date:${stamp()} `
    + `stat:${bad ? 'UNDELIV' : 'DELIVRD'} err:${err} text:x`;
  const others = [...sessions.values()].filter((each) => each !== session && each.receives);
  const where = policy.receipt_on === 'other' && others.length ? others[0] : session;
  where.deliver_sm({
    esm_class: 4, source_addr: pdu.destination_addr, destination_addr: pdu.source_addr,
    source_addr_ton: pdu.dest_addr_ton, source_addr_npi: pdu.dest_addr_npi,
    short_message: Buffer.from(style === 'tlv' ? '' : text),
    ...(style === 'std' || style === 'tlv' ? { receipted_message_id: hex, message_state: bad ? 5 : 2 } : {}),
  });
}

function answer(session, pdu) {
  const status = policy.refuse.shift() || 0;
  if (status) return session.send(pdu.response({ command_status: status }));
  const id = lastId++;
  const wanted = (pdu.registered_delivery & 1) && policy.style !== 'none';
  const early = wanted && policy.receipt_after < 0;
  if (early) receipt(session, pdu, id);
  const given = policy.submit === 'empty' ? '' : id.toString(16);
  session.send(pdu.response({
    message_id: given, ...(policy.congestion === null ? {} : { congestion_state: policy.congestion }),
  }));
  if (wanted && !early) setTimeout(() => receipt(session, pdu, id), policy.receipt_after);
  return true;
}

function submitted(session, pdu) {
  if (policy.clock) noted.push([pdu.short_message.message, Number(process.hrtime.bigint()) / 1e9]);
  if (policy.submit === 'silent') return;
  if (policy.submit === 'drop') { session.socket.destroy(); return; }
  if (policy.submit === 'half') {
    const whole = pdu.response({ message_id: 'deadbeef' }).toBuffer();
    session.socket.write(whole.subarray(0, whole.length - 4), () => session.socket.end());
    return;
  }
  if (policy.submit === 'reverse') {
    held.push([session, pdu]);
    if (held.length >= policy.batch) for (const each of held.splice(0).reverse()) answer(...each);
    return;
  }
  answer(session, pdu);
}

function bound(session, pdu) {
  if (policy.bind_silent) return;
  session.receives = pdu.command !== 'bind_transmitter';
  session.mode = pdu.command;
  if (policy.bind_status) {
    const { bind_status: status } = policy;
    if (policy.bind_bare) { session.send(pdu.response({ command_status: status })); return; }
    const refusal = pdu.response({ system_id: 'NODESMSC' });
    refusal.command_status = 0;
    const octets = refusal.toBuffer();
    octets.writeUInt32BE(status, 8);
    session.socket.write(octets);
    return;
  }
  const octets = pdu.response({ system_id: 'NODESMSC', sc_interface_version: 0x34 }).toBuffer();
  session.socket.write(Buffer.concat([octets, Buffer.from(policy.behind_bind, 'hex')]));
}

function serve(session) {
  session.number = ++lastSession;
  sessions.set(session.number, session);
  tell({ event: 'connected', session: session.number });
  session.on('error', (error) => tell({ event: 'error', session: session.number, text: String(error) }));
  session.on('close', () => {
    sessions.delete(session.number);
    tell({ event: 'closed', session: session.number });
  });
  session.on('pdu', (pdu) => {
    const { command, command_status: status, sequence_number: sequence, command_id, command_length, ...rest } = pdu;
    if (!policy.quiet) tell({ event: 'pdu', session: session.number, command, status, sequence, ...plain(rest) });
  });
  for (const each of ['bind_transceiver', 'bind_receiver', 'bind_transmitter']) session.on(each, (pdu) => bound(session, pdu));
  session.on('enquire_link', (pdu) => { if (policy.enquire) session.send(pdu.response()); });
  session.on('unbind', (pdu) => { if (policy.unbind) { session.send(pdu.response()); session.close(); } });
  session.on('submit_sm', (pdu) => submitted(session, pdu));
}

const server = config.key
  ? smpp.createServer({
    key: fs.readFileSync(config.key), cert: fs.readFileSync(config.cert),
    ...(config.ca ? { ca: fs.readFileSync(config.ca), requestCert: true, rejectUnauthorized: true } : {}),
  }, serve)
  : smpp.createServer(serve);

// As many deliver_sm as are wanted, `window` of them unanswered at a time, to one number after the other of `to`; how long
// until all are answered.
function flood(session, { count, window, options, to }) {
  return new Promise((resolve) => {
    const began = process.hrtime.bigint();
    const statuses = {};
    let [sent, answered] = [0, 0];
    const next = () => {
      const number = sent++;
      const pdu = { ...fields(options), source_addr: `1555${String(number % 1000).padStart(7, '0')}` };
      if (to) pdu.destination_addr = to[number % to.length];
      session.deliver_sm({ ...pdu, short_message: Buffer.from(`message ${number}`) }, (response) => {
        statuses[response.command_status] = (statuses[response.command_status] || 0) + 1;
        answered += 1;
        if (answered === count) resolve({ seconds: Number(process.hrtime.bigint() - began) / 1e9, statuses });
        else if (sent < count) next();
      });
    };
    while (sent < Math.min(count, window)) next();
  });
}

const ask = (session, command, options) => new Promise((resolve) => {
  session[command](fields(options), (pdu) => resolve(plain({ command: pdu.command, status: pdu.command_status })));
});

const COMMANDS = {
  greet: () => {},
  set: (wanted) => { policy = { ...policy, ...wanted.policy }; },
  reset: () => { policy = { ...USUAL }; held.length = 0; },
  sessions: () => [...sessions.values()].map((each) => ({ session: each.number, mode: each.mode || '' })),
  times: () => noted.splice(0), // what was noted: [text, seconds of the machine's monotonic clock]
  last: () => (lastId - 1).toString(16), // the id of the newest message
  send: (wanted) => ask(sessions.get(wanted.session), wanted.command, wanted.fields || {}),
  tell: (wanted) => { sessions.get(wanted.session)[wanted.command](fields(wanted.fields || {})); },
  raw: (wanted) => { sessions.get(wanted.session).socket.write(Buffer.from(wanted.hex, 'hex')); },
  drop: (wanted) => { sessions.get(wanted.session).socket.destroy(); },
  end: (wanted) => { sessions.get(wanted.session).socket.end(Buffer.from(wanted.hex || '', 'hex')); },
  pause: (wanted) => { sessions.get(wanted.session).pause(); },
  flood: (wanted) => flood(sessions.get(wanted.session), wanted),
};

// Unknown TLVs are sent by name, so they need one.
smpp.addTLV('vendor_1402', { id: 0x1402, type: smpp.types.tlv.buffer });
smpp.addTLV('vendor_1555', { id: 0x1555, type: smpp.types.tlv.buffer });
if (!smpp.tlvs.congestion_state) smpp.addTLV('congestion_state', { id: 0x0428, type: smpp.types.tlv.int8 });

net.createServer((control) => {
  watchers.add(control);
  let rest = '';
  control.setEncoding('utf8');
  control.on('error', () => {});
  control.on('close', () => watchers.delete(control));
  control.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const wanted = JSON.parse(line);
      Promise.resolve().then(() => COMMANDS[wanted.do](wanted)).then(
        (ok) => control.write(JSON.stringify({ id: wanted.id, ok: ok === undefined ? null : ok }) + '\n'),
        (error) => control.write(JSON.stringify({ id: wanted.id, error: String(error) }) + '\n'));
    }
  });
}).listen(config.control, config.host, () => server.listen(config.port, config.host));
