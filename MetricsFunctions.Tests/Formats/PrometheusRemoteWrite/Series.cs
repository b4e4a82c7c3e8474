namespace MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

/// <summary>A time series to be sent, in the words of either version of remote write.</summary>
sealed record Series(params (string Name, string Value)[] Labels)
{
    public List<Proto> Samples { get; init; } = [];

    public List<Proto> Histograms { get; init; } = [];

    /// <summary>Other fields.</summary>
    public Proto Extra { get; init; } = new();

    /// <summary>Whether the labels come behind everything else.</summary>
    public bool IsBackwards { get; init; }

    /// <summary>References to symbols behind those of the labels.</summary>
    public ulong[] References { get; init; } = [];

    public static Series Of(string name, double value, long timestamp, params (string Name, string Value)[] labels) =>
        new([("__name__", name), .. labels]) { Samples = [Sample(value, timestamp)] };

    public static Proto Sample(double value, long timestamp) => new Proto().Double(1, value).Varint(2, timestamp);

    /// <summary>The message of version 1.0.</summary>
    public static byte[] Version1(params IEnumerable<Series> all) => new Proto().Messages(1, all.Select(series =>
    {
        var labels = new Proto().Messages(1, series.Labels.Select(label => new Proto().Text(1, label.Name).Text(2, label.Value)));
        return series.With(labels, histogramsField: 4);
    })).ToArray();

    /// <summary>The message of version 2.0.</summary>
    public static byte[] Version2(params IEnumerable<Series> all)
    {
        var symbols = new List<string> { "" };
        ulong Reference(string text)
        {
            if (!symbols.Contains(text))
            {
                symbols.Add(text);
            }

            return (ulong)symbols.IndexOf(text);
        }

        var messages = all.Select(series => series.With(
            new Proto().Packed(1, [.. series.Labels.SelectMany(label => new[] { Reference(label.Name), Reference(label.Value) }), .. series.References]), histogramsField: 3)).ToList();
        var table = new Proto();
        symbols.ForEach(symbol => table.Text(4, symbol));
        var body = new Proto().Messages(5, messages);
        return all.Any(series => series.IsBackwards) ? body.Append(table.ToArray()).ToArray() : table.Append(body.ToArray()).ToArray();
    }

    Proto With(Proto labels, int histogramsField)
    {
        var points = new Proto().Messages(2, Samples).Messages(histogramsField, Histograms).Append(Extra.ToArray());
        return IsBackwards ? points.Append(labels.ToArray()) : labels.Append(points.ToArray());
    }
}
