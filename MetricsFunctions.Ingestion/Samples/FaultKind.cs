namespace MetricsFunctions.Ingestion.Samples;

/// <summary>What a fault is about, for whoever counts them.</summary>
enum FaultKind
{
    /// <summary>The form: it cannot be read, or not as what it should be.</summary>
    Syntax,

    /// <summary>The metric's name, which may also be one that the API key may not write.</summary>
    Name,

    /// <summary>The value.</summary>
    Value,

    /// <summary>The time.</summary>
    Timestamp,

    /// <summary>A tag, or how many there are.</summary>
    Tags,

    /// <summary>The buckets of a histogram or the quantiles of a summary.</summary>
    Histogram,

    /// <summary>How much it is.</summary>
    Size,
}
