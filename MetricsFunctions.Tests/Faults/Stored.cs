namespace MetricsFunctions.Tests.Faults;

/// <summary>What must be in ClickHouse when <see cref="NumberedSenders"/> have stopped.</summary>
static class Stored
{
    const string Sender = "toUInt32(tags['sender']) AS sender";

    /// <summary>Every sample once, in the raw table and in the rollup.</summary>
    public static async Task AssertEachOnceAsync(Installation installation, NumberedSenders senders)
    {
        await AssertNoneLostAsync(installation, senders);
        Assert.Equal("", await DoubledAsync(installation));
        Assert.Equal(
            await installation.QueryAsync("SELECT tags, toStartOfMinute(timestamp) AS minute, count(), sum(metric_value) FROM metrics.samples GROUP BY ALL ORDER BY ALL"),
            await installation.QueryAsync("SELECT tags, minute, sum(count), sum(sum) FROM metrics.samples_1m GROUP BY ALL ORDER BY ALL"));
    }

    /// <summary>Every sample at least once, and more often only what its sender sent more often.</summary>
    public static async Task AssertAtLeastOnceAsync(Installation installation, NumberedSenders senders)
    {
        await AssertNoneLostAsync(installation, senders);
        var doubled = await DoubledAsync(installation);
        Assert.Subset(senders.Repeated.ToHashSet(), doubled.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToHashSet());

        // A group that was given up between its raw part and its rollup part is short of the latter; its samples were sent again.
        Assert.Equal("0", await installation.QueryAsync($"""
            SELECT count()
            FROM (SELECT {Sender}, count() AS rows, uniqExact(metric_value) AS samples FROM metrics.samples GROUP BY sender) AS raw
            FULL JOIN (SELECT {Sender}, sum(count) AS counted FROM metrics.samples_1m GROUP BY sender) AS rollup USING sender
            WHERE counted < samples OR counted > rows
            """));
    }

    // Each sender numbers its samples from 1 without a gap, so as many different values as the largest of them is all of them.
    static async Task AssertNoneLostAsync(Installation installation, NumberedSenders senders) => Assert.Equal(
        senders.Sent,
        await installation.QueryAsync($"""
            SELECT {Sender}, uniqExact(metric_value) FROM metrics.samples
            WHERE metric_name = 'numbered' GROUP BY sender HAVING max(metric_value) = uniqExact(metric_value) ORDER BY sender
            """));

    static Task<string> DoubledAsync(Installation installation) =>
        installation.QueryAsync($"SELECT {Sender}, metric_value FROM metrics.samples GROUP BY ALL HAVING count() > 1 ORDER BY ALL");
}
