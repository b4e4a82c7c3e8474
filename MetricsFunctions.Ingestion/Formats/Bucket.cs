namespace MetricsFunctions.Ingestion.Formats;

/// <summary>A bucket of a histogram, or a quantile of a summary.</summary>
/// <param name="Bound">Its upper bound; the quantile.</param>
/// <param name="Count">What is in it, or in it and in all below; the value at the quantile.</param>
readonly record struct Bucket(double Bound, double Count);
