namespace MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;

/// <summary>How much a histogram has counted up to a bound.</summary>
/// <param name="Bound">The bound.</param>
/// <param name="Cumulative">What is in the bucket below it and in all before that.</param>
readonly record struct Bucket(double Bound, double Cumulative);
