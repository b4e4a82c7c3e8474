// npm's prometheus-remote-write, which says nothing of its Snappy: node prometheus-remote-write.mjs URL KEY.
import assert from 'node:assert/strict';
import client from 'prometheus-remote-write';

const [url, key] = process.argv.slice(2);
const options = { url: `${url}/api/v1/write`, auth: { username: 'any', password: key }, fetch, labels: { service: 'queue' } };
const metrics = await client.pushMetrics({ npm_depth: 100, npm_change: -1.5 }, options);
const timestamp = Date.now();
const series = await client.pushTimeseries(
  [
    { labels: { __name__: 'npm_size', z: '1', a: '2' }, samples: [{ value: 150, timestamp }, { value: 151.25, timestamp: timestamp + 1 }] },
    { labels: { __name__: 'npm_nothing' }, samples: [{ value: NaN, timestamp }] },
  ],
  options,
);
assert.deepEqual([metrics.status, series.status], [204, 204]);
