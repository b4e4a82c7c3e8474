// Writes a point a second with a field of every kind: node influx.mjs URL TOKEN POINTS. Tries again for as long as nobody takes them.
import { setTimeout } from 'node:timers/promises';
import { InfluxDB, Point } from '@influxdata/influxdb-client';

const [url, token, points] = process.argv.slice(2);
let written = 0;
const write = new InfluxDB({ url, token }).getWriteApi('org', 'bucket', 'ms', {
  flushInterval: 200,
  minRetryDelay: 100,
  maxRetryDelay: 1000,
  maxRetries: 100,
  writeSuccess: (lines) => {
    written += lines.length;
  },
});
write.useDefaultTags({ client: 'influx' });
for (let i = 1; i <= points; i++) {
  await setTimeout(i > 1 ? 1000 : 0);
  write.writePoint(
    new Point('influx js')
      .tag('a, b', 'c=d e')
      .floatField('value', i / 2)
      .intField('count', i)
      .uintField('size', 7)
      .booleanField('on', true)
      .stringField('text', 'says "no",\nand \\ goes on')
      .timestamp(new Date()),
  );
}

// What is not written when it is closed is tried once more, and lost.
while (written < points) {
  await setTimeout(50);
}
await write.close();
