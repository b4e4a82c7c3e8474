namespace MetricsFunctions.Ingestion.Samples;

/// <summary>What rows are found by in the table that were stored together: one of them.</summary>
/// <param name="MetricName">The name of its metric, in UTF-8.</param>
/// <param name="Timestamp">Its time in Unix milliseconds.</param>
/// <param name="RequestId">Its <c>request_id</c>, which no others have.</param>
readonly record struct RowMark(ReadOnlyMemory<byte> MetricName, long Timestamp, UInt128 RequestId);
