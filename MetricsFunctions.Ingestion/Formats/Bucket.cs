namespace MetricsFunctions.Ingestion.Formats;

/// <summary>How much was counted up to a bound; of a summary, the value at a quantile.</summary>
/// <param name="Bound">The bound.</param>
/// <param name="Cumulative">What was counted in this bucket and in all below it.</param>
readonly record struct Bucket(double Bound, double Cumulative);
