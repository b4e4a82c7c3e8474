namespace MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;

/// <summary>The value that says that a series has ended: one of the many NaN.</summary>
static class StaleMarker
{
    /// <summary>Its bits.</summary>
    public const ulong Bits = 0x7FF0000000000002;
}
