namespace MetricsFunctions.Ingestion.Samples;

/// <summary>Where in a JSON text of samples its reader is, for the next piece of the text.</summary>
enum JsonPlace
{
    /// <summary>Before the first byte.</summary>
    Start,

    /// <summary>Behind the byte order mark, if there is one.</summary>
    BehindMark,

    /// <summary>In an array, before its first sample.</summary>
    BehindBracket,

    /// <summary>In an array, before a further sample.</summary>
    BehindComma,

    /// <summary>In an array, behind a sample.</summary>
    BehindItem,

    /// <summary>Behind the array.</summary>
    BehindArray,

    /// <summary>Behind a sample that is not in an array.</summary>
    BehindSample,

    /// <summary>At what is no JSON, of a text that was only guessed to be.</summary>
    NoJson,
}
