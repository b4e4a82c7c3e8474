using System.Globalization;
using ClickHouse.Driver;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>The table that every contender fills.</summary>
/// <param name="clickHouse">Where it is.</param>
/// <param name="stop">Stops in the middle.</param>
sealed class StoredSamples(ClickHouseClient clickHouse, CancellationToken stop)
{
    /// <summary>Empties it, because the merges of one load would burden the next.</summary>
    public Task EmptyAsync() => clickHouse.ExecuteNonQueryAsync("TRUNCATE TABLE metrics.samples", cancellationToken: stop);

    /// <summary>How many samples there are.</summary>
    public Task<long> CountAsync() => CountAsync("metrics.samples");

    /// <summary>How many parts they lie in that are not merged into others.</summary>
    public Task<long> CountPartsAsync() => CountAsync("system.parts WHERE active AND database = 'metrics' AND table = 'samples'");

    async Task<long> CountAsync(string from) =>
        Convert.ToInt64(await clickHouse.ExecuteScalarAsync($"SELECT count() FROM {from}", cancellationToken: stop), CultureInfo.InvariantCulture);
}
