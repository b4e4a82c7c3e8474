namespace MetricsFunctions.Tests.Faults;

/// <summary>What must be in ClickHouse when <see cref="NumberedSenders"/> have stopped.</summary>
static class Stored
{
    const string Sender = "toUInt32(tags['sender']) AS sender";

    /// <summary>Every sample once, also in what panels read.</summary>
    public static async Task AssertEachOnceAsync(Func<string, Task<string>> queryAsync, NumberedSenders senders)
    {
        await AssertNoneLostAsync(queryAsync, senders);
        Assert.Equal("", await DoubledAsync(queryAsync));
        await AssertPointsTellOfAllAsync(queryAsync);
    }

    /// <inheritdoc cref="AssertEachOnceAsync(Func{string, Task{string}}, NumberedSenders)"/>
    public static Task AssertEachOnceAsync(Installation installation, NumberedSenders senders) => AssertEachOnceAsync(installation.QueryAsync, senders);

    /// <summary>Every sample at least once, and more often only what its sender sent more often.</summary>
    public static async Task AssertAtLeastOnceAsync(Func<string, Task<string>> queryAsync, NumberedSenders senders)
    {
        await AssertNoneLostAsync(queryAsync, senders);
        var doubled = await DoubledAsync(queryAsync);
        Assert.Subset(senders.Repeated.ToHashSet(), doubled.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToHashSet());
        await AssertPointsTellOfAllAsync(queryAsync);
    }

    /// <inheritdoc cref="AssertAtLeastOnceAsync(Func{string, Task{string}}, NumberedSenders)"/>
    public static Task AssertAtLeastOnceAsync(Installation installation, NumberedSenders senders) => AssertAtLeastOnceAsync(installation.QueryAsync, senders);

    // Some parts have projections by now and others have not.
    static async Task AssertPointsTellOfAllAsync(Func<string, Task<string>> queryAsync)
    {
        var raw = await queryAsync("SELECT tags, count(), sum(metric_value) FROM metrics.samples GROUP BY ALL ORDER BY ALL");
        foreach (var interval in new[] { 300, 3600 })
        {
            Assert.Equal(raw, await queryAsync($"""
                SELECT tags, sum(count), sum(sum) FROM metrics.points(interval = {interval}, start = 0, end = {uint.MaxValue}) GROUP BY ALL ORDER BY ALL
                """));
        }
    }

    // Each sender numbers its samples from 1 without a gap, so as many different values as the largest of them is all of them.
    static async Task AssertNoneLostAsync(Func<string, Task<string>> queryAsync, NumberedSenders senders) => Assert.Equal(
        senders.Sent,
        await queryAsync($"""
            SELECT {Sender}, uniqExact(metric_value) FROM metrics.samples
            WHERE metric_name = 'numbered' GROUP BY sender HAVING max(metric_value) = uniqExact(metric_value) ORDER BY sender
            """));

    static Task<string> DoubledAsync(Func<string, Task<string>> queryAsync) =>
        queryAsync($"SELECT {Sender}, metric_value FROM metrics.samples GROUP BY ALL HAVING count() > 1 ORDER BY ALL");
}
