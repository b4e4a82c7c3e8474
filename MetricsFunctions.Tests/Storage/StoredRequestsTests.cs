using MetricsFunctions.Ingestion.Storage;
using Microsoft.Extensions.Time.Testing;

namespace MetricsFunctions.Tests.Storage;

/// <summary>How long, and how many, identities of requests are remembered, and in how much memory.</summary>
public sealed class StoredRequestsTests
{
    readonly FakeTimeProvider _time = new();
    readonly Random _random = new(17);

    [Fact]
    public void What_was_added_is_known_and_nothing_else()
    {
        var stored = new StoredRequests(_time);
        var ids = Ids(900_000);
        foreach (var id in ids)
        {
            stored.Add(id);
        }

        Assert.DoesNotContain(ids, id => !stored.Contains(id));
        Assert.DoesNotContain(Ids(100_000), stored.Contains);
    }

    [Fact]
    public void Identities_that_begin_alike_are_told_apart()
    {
        var stored = new StoredRequests(_time);
        for (var i = 1; i <= 1000; i++)
        {
            stored.Add(new UInt128((ulong)i, 42));
        }

        for (var i = 1; i <= 2000; i++)
        {
            Assert.Equal(i <= 1000, stored.Contains(new UInt128((ulong)i, 42)));
        }
    }

    [Fact]
    public void An_hour_is_remembered_and_what_is_older_is_forgotten()
    {
        var stored = new StoredRequests(_time);
        var ids = Ids(3 * 60);
        for (var minute = 0; minute < ids.Length; minute++)
        {
            stored.Add(ids[minute]);
            for (var age = 0; age <= 60 && age <= minute; age++)
            {
                Assert.True(stored.Contains(ids[minute - age]), $"{age} minutes after it was stored");
            }

            _time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.False(stored.Contains(ids[0]));
    }

    [Fact]
    public void As_many_as_promised_are_remembered_and_not_all_of_them()
    {
        const int Promised = 1_600_000;
        var stored = new StoredRequests(_time, Promised);
        var first = Next(_random);
        stored.Add(first);
        var ids = new Queue<UInt128>();
        for (var i = 0; i < 3 * Promised; i++)
        {
            var id = Next(_random);
            stored.Add(id);
            ids.Enqueue(id);
            if (ids.Count > Promised)
            {
                ids.Dequeue();
            }
        }

        Assert.DoesNotContain(ids, id => !stored.Contains(id));
        Assert.False(stored.Contains(first));
    }

    UInt128[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => Next(_random))];

    static UInt128 Next(Random random) => new((ulong)random.NextInt64(1, long.MaxValue), (ulong)random.NextInt64());
}
