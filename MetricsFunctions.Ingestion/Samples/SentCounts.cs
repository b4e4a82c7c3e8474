namespace MetricsFunctions.Ingestion.Samples;

/// <summary>What a sender counts, which is not always what is stored of it: several samples of a histogram, none of a stale marker.</summary>
record struct SentCounts
{
    /// <summary>Values with a time, those among them that were left out too.</summary>
    public int Samples { get; set; }

    /// <summary>Histograms.</summary>
    public int Histograms { get; set; }

    /// <summary>Exemplars, which are never stored.</summary>
    public int Exemplars { get; set; }

    /// <summary>Samples and histograms that say only that their series has ended.</summary>
    public int StaleMarkers { get; set; }
}
