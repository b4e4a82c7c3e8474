namespace MetricsFunctions.Benchmarks.Instances;

/// <summary>One load of so many instances.</summary>
/// <param name="Instances">How many.</param>
/// <param name="AsyncInsert">Whether ClickHouse gathered their INSERTs.</param>
/// <param name="RequestsPerSecond">Of all instances.</param>
/// <param name="MedianLatency">In milliseconds, of the slowest instance.</param>
/// <param name="P99Latency">In milliseconds, of the slowest instance.</param>
/// <param name="PartsPerSecond">Parts of <c>metrics.samples</c> that INSERTs made.</param>
/// <param name="RowsPerPart">Rows in such a part.</param>
/// <param name="ClickHouseCores">Cores that ClickHouse took.</param>
/// <param name="InstanceCores">Cores that all instances took.</param>
/// <param name="MachineCores">Cores that were busy, with those of the load generators and of the kernel.</param>
sealed record InstancesMeasurement(
    int Instances,
    bool AsyncInsert,
    double RequestsPerSecond,
    double MedianLatency,
    double P99Latency,
    double PartsPerSecond,
    double RowsPerPart,
    double ClickHouseCores,
    double InstanceCores,
    double MachineCores);
