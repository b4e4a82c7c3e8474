// What an application has of OpenTelemetry: its SDK, which the environment alone tells where to send, and how.
import { metrics } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';

const sdk = new NodeSDK();
sdk.start();
metrics.getMeter('environment').createCounter('environment.orders').add(3, { paid: true });
await sdk.shutdown();
