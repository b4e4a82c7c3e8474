using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MetricsFunctions.Tests.Clients;

/// <summary>A real Prometheus that scrapes itself and whatever else it is told, every second, and writes to the service.</summary>
sealed class PrometheusProcess : IDisposable
{
    const string Program = "prometheus";

    readonly TemporaryFolder _folder = new();
    readonly HttpClient _http = new();
    readonly Process _process;
    readonly Task<string> _log;

    PrometheusProcess(string remoteWrite, params int[] otherTargets)
    {
        var port = Ports.Free();
        _http.BaseAddress = new Uri($"http://127.0.0.1:{port}");
        var configuration = Path.Combine(_folder.Path, "prometheus.yml");
        File.WriteAllText(configuration, $"""
            global:
              scrape_interval: 1s
            scrape_configs:
              - job_name: test
                static_configs:
                  - targets: [{string.Join(", ", otherTargets.Prepend(port).Select(target => $"'127.0.0.1:{target}'"))}]
            {remoteWrite}
            """);
        _process = Process.Start(new ProcessStartInfo(Program, [
            $"--config.file={configuration}",
            $"--storage.tsdb.path={Path.Combine(_folder.Path, "data")}",
            $"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=native-histograms",
        ])
        { RedirectStandardError = true })!;
        _log = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts it, or skips the test where it is not installed.</summary>
    /// <param name="remoteWrite">The section <c>remote_write</c> of its configuration.</param>
    /// <param name="otherTargets">Ports of what else it should scrape.</param>
    public static PrometheusProcess Start(string remoteWrite, params int[] otherTargets)
    {
        ClientProcess.SkipUnlessInstalled(Program, "apt-get install prometheus");
        return new PrometheusProcess(remoteWrite, otherTargets);
    }

    /// <summary>Answers what a PromQL expression gives.</summary>
    public async Task<JsonElement> QueryAsync(string expression, long? time = null)
    {
        var at = time is { } now ? string.Create(CultureInfo.InvariantCulture, $"&time={now / 1000}.{now % 1000:000}") : "";
        using var response = await _http.GetAsync(new Uri($"/api/v1/query?query={Uri.EscapeDataString(expression)}{at}", UriKind.Relative));
        response.EnsureSuccessStatusCode();
        using var answer = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        return answer.RootElement.GetProperty("data").GetProperty("result").Clone();
    }

    /// <summary>The sum of an expression now; 0 when there is nothing yet, or nobody answers yet.</summary>
    public async Task<double> SumAsync(string expression)
    {
        Assert.False(_process.HasExited, "Prometheus ended");
        try
        {
            var result = await QueryAsync($"sum({expression})");
            return result.GetArrayLength() == 0 ? 0 : double.Parse(result[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }

    /// <summary>Every sample up to a time, but those of one name: name, tags, Unix milliseconds and value, in the words of <see cref="Line"/>.</summary>
    public async Task<List<string>> SamplesAsync(long until, string without)
    {
        var lines = new List<string>();
        foreach (var series in (await QueryAsync($"{{__name__=~\".+\",__name__!=\"{without}\"}}[1h]", until)).EnumerateArray())
        {
            var labels = series.GetProperty("metric").EnumerateObject().ToDictionary(label => label.Name, label => label.Value.GetString()!);
            labels.Remove("__name__", out var name);
            foreach (var sample in series.TryGetProperty("values", out var values) ? values.EnumerateArray() : default)
            {
                var value = double.Parse(sample[1].GetString()!, CultureInfo.InvariantCulture);
                if (double.IsFinite(value))
                {
                    lines.Add(Line(name!, labels, (long)(sample[0].GetDecimal() * 1000), value));
                }
            }
        }

        return [.. lines.Order(StringComparer.Ordinal)];
    }

    public static string Line(string name, IReadOnlyDictionary<string, string> tags, long timestamp, double value) => string.Create(
        CultureInfo.InvariantCulture,
        $"{name} {string.Join(',', tags.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => $"{tag.Key}={tag.Value}"))} {timestamp} {value:R}");

    /// <summary>Ends it and answers what it has logged.</summary>
    public async Task<string> StopAsync()
    {
        _process.Kill();
        return await _log;
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _http.Dispose();
        _folder.Dispose();
    }
}
