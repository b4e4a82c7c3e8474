// The nodes of node-red-contrib-influxdb, which Node-RED would make and give messages to: node node-red.mjs URL KEY.
import assert from 'node:assert/strict';
import contribution from 'node-red-contrib-influxdb';

const [url, key] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const nodes = {};
const types = {};
contribution({
  _: (text) => text,
  nodes: {
    createNode(node, { id, credentials }) {
      nodes[id] = node;
      node.credentials = credentials;
      node.on = (_, listener) => (node.send = (message) => new Promise((resolve) => listener(message, null, resolve)));
    },
    getNode: (id) => nodes[id],
    registerType: (name, type) => (types[name] = type),
  },
});

const time = Date.now();
const user = { username: 'any', password: key };
for (const server of [
  { influxdbVersion: '1.x', hostname, port, database: 'home', credentials: user },
  { influxdbVersion: '1.8-flux', url, credentials: user },
  { influxdbVersion: '2.0', url, credentials: { token: key } },
]) {
  const { influxdbVersion: version } = server;
  new types.influxdb({ id: version, ...server });
  const to = { influxdb: version, database: 'home', org: 'home', bucket: 'home', precisionV18FluxV20: 'ms' };
  const one = new types['influxdb out']({ id: 'out', measurement: `red_${version}`, ...to });
  const several = new types['influxdb batch']({ id: 'batch', ...to });
  assert.equal(await one.send({ payload: 21.5 }), undefined);
  assert.equal(await one.send({ payload: 'on' }), undefined);
  assert.equal(await one.send({ payload: { count: '3i', on: true, text: 'a' } }), undefined);
  assert.equal(await one.send({ payload: [[{ t: 1, time: new Date(time) }, { room: 'a b' }], [{ t: 2, time: new Date(time + 1) }, { room: 'a b' }]] }), undefined);
  assert.equal(await several.send({ payload: [{ measurement: `red_${version}`, fields: { last: 4 }, timestamp: new Date(time) }] }), undefined);

  // The second of three is over the rules.
  const odd = await one.send({ payload: [' ', 'x'.repeat(5000), 'z'].map((room) => [{ odd: 5 }, { room }]) });
  assert.match(odd.message, /partial write: unable to parse line 2: tag 1 must be at most 4096 bytes of UTF-8 dropped=1/);
}
