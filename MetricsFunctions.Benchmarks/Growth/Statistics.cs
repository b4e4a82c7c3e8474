namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>What stands for many measurements.</summary>
static class Statistics
{
    /// <summary>The value that so many of a hundred do not exceed; between two, their mean by distance.</summary>
    public static double Percentile(double[] ascending, double percent)
    {
        var place = percent / 100 * (ascending.Length - 1);
        var (below, above) = (ascending[(int)Math.Floor(place)], ascending[(int)Math.Ceiling(place)]);
        return below + (above - below) * (place - Math.Floor(place));
    }
}
