// Sends every kind of metric once: node otlp.mjs http/json|http/protobuf cumulative|delta none|gzip. Where to comes from the environment.
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';

const [protocol, temporality, compression] = process.argv.slice(2);
const Exporter = protocol === 'http/json' ? JsonExporter : ProtobufExporter;
const provider = new MeterProvider({
  resource: resourceFromAttributes({ 'service.name': 'js', 'service.instance.id': process.argv.slice(2).join(' '), 'process.pid': 1, 'process.command_args': ['node'] }),
  readers: [
    new PeriodicExportingMetricReader({
      exportIntervalMillis: 3_600_000,
      exporter: new Exporter({
        compression,
        temporalityPreference: temporality === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
      }),
    }),
  ],
  views: [{ instrumentName: 'js.exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
});

const meter = provider.getMeter('js-meter', '1.2.3');
const attributes = { route: '/a', 'http.status': 200, ok: true, 'list.of': ['a', 1], none: '' };
meter.createCounter('js.requests', { unit: '{request}' }).add(3, attributes);
meter.createUpDownCounter('js.queue').add(-4, attributes);
meter.createGauge('js.load', { unit: '1' }).record(0.42, attributes);
const histogram = meter.createHistogram('js.duration', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } });
const exponential = meter.createHistogram('js.exponential', { unit: 'By' });
for (const value of [0.1, 0.5, 4]) {
  histogram.record(value, attributes);
  exponential.record(value, attributes);
}

meter.createObservableCounter('js.cpu.time', { unit: 's' }).addCallback((result) => result.observe(12.5, attributes));
meter.createObservableUpDownCounter('js.open').addCallback((result) => result.observe(-1, attributes));
meter.createObservableGauge('js.heap', { unit: 'By' }).addCallback((result) => result.observe(1e15, attributes));

// Exports.
await provider.shutdown();
