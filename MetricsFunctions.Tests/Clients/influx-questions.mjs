// Asks what InfluxDB's clients for versions 1 and 2 ask before they write, and writes: node influx-questions.mjs URL KEY.
import assert from 'node:assert/strict';
import { InfluxDB as Client2, Point } from '@influxdata/influxdb-client';
import { BucketsAPI, OrgsAPI, PingAPI } from '@influxdata/influxdb-client-apis';
import { InfluxDB as Client1 } from 'influx';

const [url, key] = process.argv.slice(2);
const { hostname: host, port } = new URL(url);

const version1 = new Client1({ host, port, database: 'iobroker', username: 'user', password: key });
assert.deepEqual((await version1.ping(5000)).map(({ online, version }) => [online, version]), [[true, '1.8']]);
if (!(await version1.getDatabaseNames()).includes('iobroker')) {
  await version1.createDatabase('iobroker');
}

const [policy] = await version1.showRetentionPolicies('iobroker');
assert.deepEqual([policy.name, policy.duration, policy.default], ['autogen', '0s', true]);
await version1.alterRetentionPolicy(policy.name, { database: 'iobroker', duration: '30d', replication: 1, isDefault: true });
await version1.createRetentionPolicy('year', { database: 'iobroker', duration: '52w', replication: 1 });
await version1.writePoints([{ measurement: 'asked1', fields: { value: 1 } }]);

// Its token is that of InfluxDB 1.8.
const version2 = new Client2({ url: `${url}/`, token: `user:${key}` });
await new PingAPI(version2).getPing();
const { orgs: [org] } = await new OrgsAPI(version2).getOrgs({ org: 'home' });
assert.equal(org.name, 'home');
const buckets = new BucketsAPI(version2);
const { buckets: [bucket] } = await buckets.getBuckets({ name: 'iobroker' });
assert.deepEqual([bucket.name, bucket.orgID, bucket.retentionRules], ['iobroker', org.id, []]);
const created = await buckets.postBuckets({ body: { orgID: org.id, name: 'another' } });
assert.deepEqual([created.name, created.orgID], ['another', org.id]);
const write = version2.getWriteApi('home', 'another');
write.writePoint(new Point('asked2').floatField('value', 2));
await write.close();
