using MetricsFunctions.Benchmarks.Compare;

await BareEndpoint.RunAsync(args);
