namespace MetricsFunctions.Tests.Faults;

/// <summary>What must be in ClickHouse when <see cref="NumberedSenders"/> have stopped.</summary>
static class Stored
{
    const string Sender = "toUInt32(tags['sender']) AS sender";

    /// <summary>Every sample once, in the raw table and in the rollup.</summary>
    public static async Task AssertEachOnceAsync(Func<string, Task<string>> queryAsync, NumberedSenders senders)
    {
        await AssertNoneLostAsync(queryAsync, senders);
        Assert.Equal("", await DoubledAsync(queryAsync));
        Assert.Equal(
            await queryAsync("SELECT tags, toStartOfMinute(timestamp) AS minute, count(), sum(metric_value) FROM metrics.samples GROUP BY ALL ORDER BY ALL"),
            await queryAsync("SELECT tags, minute, sum(count), sum(sum) FROM metrics.samples_1m GROUP BY ALL ORDER BY ALL"));
    }

    /// <inheritdoc cref="AssertEachOnceAsync(Func{string, Task{string}}, NumberedSenders)"/>
    public static Task AssertEachOnceAsync(Installation installation, NumberedSenders senders) => AssertEachOnceAsync(installation.QueryAsync, senders);

    /// <summary>Every sample at least once, and more often only what its sender sent more often.</summary>
    public static async Task AssertAtLeastOnceAsync(Func<string, Task<string>> queryAsync, NumberedSenders senders)
    {
        await AssertNoneLostAsync(queryAsync, senders);
        var doubled = await DoubledAsync(queryAsync);
        Assert.Subset(senders.Repeated.ToHashSet(), doubled.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToHashSet());

        // A group that was given up between its raw part and its rollup part is short of the latter; its samples were sent again.
        Assert.Equal("0", await queryAsync($"""
            SELECT count()
            FROM (SELECT {Sender}, count() AS rows, uniqExact(metric_value) AS samples FROM metrics.samples GROUP BY sender) AS raw
            FULL JOIN (SELECT {Sender}, sum(count) AS counted FROM metrics.samples_1m GROUP BY sender) AS rollup USING sender
            WHERE counted < samples OR counted > rows
            """));
    }

    /// <inheritdoc cref="AssertAtLeastOnceAsync(Func{string, Task{string}}, NumberedSenders)"/>
    public static Task AssertAtLeastOnceAsync(Installation installation, NumberedSenders senders) => AssertAtLeastOnceAsync(installation.QueryAsync, senders);

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
