using System.Buffers;
using System.Globalization;
using System.Text;
using ClickHouse.Driver;
using CsCheck;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Tests.Storage;

/// <summary>What ClickHouse has of an INSERT of requests is what the requests had.</summary>
public sealed class NativeBlocksTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    static readonly long Now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000 * 1000;

    static readonly Gen<string> Text = Gen.Frequency(
        (6, Gen.OneOfConst("m", "cpu_load", "host", "Größe 🚀", "a b", "\u00df\u4e2d\ud83d\ude80")),
        (1, Gen.Select(Gen.OneOfConst(62, 63, 64), Gen.OneOfConst("n", "0"), (count, letter) => string.Concat(Enumerable.Repeat(letter, count)))));

    static readonly Gen<string> Value = Gen.Frequency(
        (6, Text),
        (2, Gen.Const("")),
        (2, Gen.Int[0, 1000].Select(number => $"{number}")),
        (1, Gen.OneOfConst(126, 127, 128, 129, 254, 255).Select(length => new string('v', length))));

    // A request: its rows, all with one time of receipt.
    static readonly Gen<PlainRow[]> Request = Gen.Select(Gen.Long[0, 999], Gen.OneOf(Gen.Int[1, 3], Gen.Int[1, 300]), (receivedAt, rows) => (receivedAt, rows)).SelectMany(
        request => Gen.Select(
            Text,
            Gen.Frequency((2, Gen.Const(0)), (6, Gen.Int[0, 5]), (1, Gen.Const(32))).SelectMany(count => Gen.Select(Text, Value).Array[count]),
            Gen.Long[-60L * 86_400_000, 600_000],
            Gen.Double.Where(double.IsFinite),
            (name, tags, age, value) => new PlainRow(
                name,
                string.Join(',', tags.DistinctBy(tag => tag.Item1).Select(tag => $"{tag.Item1}={tag.Item2}")),
                Now + age,
                value,
                Now + request.receivedAt)).Array[request.rows]).SelectMany(
        rows => Gen.OneOf(Gen.Const(UInt128.Zero), Gen.Select(Gen.ULong, Gen.ULong, (high, low) => new UInt128(high, low))),
        (rows, id) => (PlainRow[])[rows[0] with { RequestId = id }, .. rows[1..]]);

    [Fact]
    public void What_is_written_is_what_a_plain_reader_finds() => Request.Array[0, 8].Sample(
        requests => Assert.Equal(InOrder(requests.SelectMany(rows => rows)), InOrder(PlainNative.Read(BytesOf(requests)).SelectMany(rows => rows))),
        iter: 300);

    [Fact]
    public async Task What_ClickHouse_reads_is_what_was_written()
    {
        foreach (var requests in Request.Array[1, 8].Array[20].Single())
        {
            await AssertStoredAsync(requests);
        }
    }

    [Theory]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(200_000)]
    public async Task As_many_names_as_there_are_and_as_many_values(int distinct)
    {
        PlainRow[] rows = [.. Enumerable.Range(0, distinct).Select(i => new PlainRow($"n{i}", $"id={distinct - i}", Now, i, Now))];
        await AssertStoredAsync(rows);
    }

    [Fact]
    public async Task Numbers_of_four_bytes_when_a_block_has_so_many_values()
    {
        // The most that one takes of a large request, and then a small one.
        PlainRow[][] requests = [Rows(0, 1230), Rows(1230, 900)];
        var block = Assert.Single(PlainNative.Read(BytesOf(requests)));
        Assert.InRange(block.SelectMany(row => row.Tags.Split(',')).Distinct().Count(), 65_537, int.MaxValue);
        await AssertStoredAsync(requests);

        static PlainRow[] Rows(int first, int count) => [.. Enumerable.Range(first, count).Select(row => new PlainRow(
            "many", string.Join(',', Enumerable.Range(10, 32).Select(tag => $"k{tag}={(row * 32) + tag:x}")), Now, row, Now))];
    }

    [Fact]
    public void Small_requests_share_a_block_and_keep_their_times_of_receipt()
    {
        PlainRow[][] requests = [.. Enumerable.Range(0, 100).Select(i => new[] { new PlainRow($"m{i % 7}", $"host=a{i % 3}", Now + i, i, Now + i / 2) })];
        Assert.Equal(InOrder(requests.SelectMany(rows => rows)), InOrder(Assert.Single(PlainNative.Read(BytesOf(requests)))));
    }

    [Fact]
    public async Task However_many_blocks_an_INSERT_has_it_makes_one_part_a_month()
    {
        PlainRow[][] requests = [.. Enumerable.Range(0, 10).Select(request => Enumerable.Range(0, request % 3 == 0 ? 20 : 20_000)
            .Select(i => new PlainRow($"m{i % 20}", $"host=a{i % 250}", Now - 40L * 86_400_000 * (i % 2), i, Now + request)).ToArray())];
        Assert.NotEqual(1, PlainNative.Read(BytesOf(requests)).Count);
        await AssertStoredAsync(requests);
        Assert.Equal("2", await host.QueryAsync("SELECT uniqExact(name) FROM system.parts WHERE table = 'samples' AND active AND level = 0"));
    }

    [Fact]
    public void A_row_costs_no_object()
    {
        PlainRow[] rows = [.. Enumerable.Range(0, 50_000).Select(i => new PlainRow($"m{i % 20}", $"host=a{i % 250},id={i}", Now, i, Now))];
        var block = new SampleBlock();
        for (var i = 0; i < 5; i++)
        {
            Fill(block, rows);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var group = new InsertGroup(month: 0, begun: 0, token: null);
            group.Append(block);
            var insert = new Insert([group], isMarked: false);
            _ = insert.Rows;
            insert.End(null);
            block.TryReset();

            // As in the readers: memory of the pool is allocated now and then.
            if (GC.GetAllocatedBytesForCurrentThread() - before < rows.Length)
            {
                return;
            }
        }

        Assert.Fail("Every time a row cost a byte or more.");
    }

    async Task AssertStoredAsync(params PlainRow[][] requests)
    {
        await host.QueryAsync("TRUNCATE TABLE metrics.samples");
        using var client = new ClickHouseClient(host.ClickHouse.ConnectionString);
        var store = new ClickHouseStore(client, Options.Create(new ClickHouseOptions()), TimeProvider.System);
        var bytes = BytesOf(requests);
        var blocks = PlainNative.Read(bytes);
        await store.InsertAsync(new ReadOnlySequence<byte>(bytes), $"{Guid.NewGuid()}", CancellationToken.None);

        var stored = await host.QueryAsync("""
            SELECT base64Encode(metric_name), base64Encode(arrayStringConcat(arrayMap((key, value) -> concat(key, '=', value), mapKeys(tags), mapValues(tags)), ',')),
                   toUnixTimestamp64Milli(timestamp), reinterpretAsInt64(metric_value), toUnixTimestamp64Milli(received_at),
                   request_id
            FROM metrics.samples
            ORDER BY metric_name, toStartOfHour(timestamp), tags, timestamp
            """);
        PlainRow[] rows = [.. stored.Split('\n').Select(line => line.Split('\t')).Select(fields => new PlainRow(
            TextOf(fields[0]),
            TextOf(fields[1]),
            long.Parse(fields[2], CultureInfo.InvariantCulture),
            BitConverter.Int64BitsToDouble(long.Parse(fields[3], CultureInfo.InvariantCulture)),
            long.Parse(fields[4], CultureInfo.InvariantCulture),
            UInt128.Parse(fields[5], CultureInfo.InvariantCulture)))];
        Assert.Equal(InOrder(requests.SelectMany(request => request)), InOrder(rows));

        // What a block is sorted by is what ClickHouse sorts by.
        if (blocks is [var block])
        {
            Assert.Equal(rows.Select(row => (row.Name, row.Tags, row.Timestamp)), block.Select(row => (row.Name, row.Tags, row.Timestamp)));
        }

        static string TextOf(string field) => Encoding.UTF8.GetString(Convert.FromBase64String(field));
    }

    static byte[] BytesOf(PlainRow[][] requests) => PlainNative.BytesOf(requests.Select(rows =>
    {
        var block = new SampleBlock();
        Fill(block, rows);
        block.RequestId = rows[0].RequestId;
        return block;
    }));

    static void Fill(SampleBlock block, PlainRow[] rows)
    {
        foreach (var row in rows)
        {
            block.Begin(row.ReceivedAt);
            block.Tags.Clear();
            foreach (var tag in row.Tags.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(tag => tag.Split('=')))
            {
                Assert.Null(block.Tags.Add(Encoding.UTF8.GetBytes(tag[0]), Encoding.UTF8.GetBytes(tag[1])));
            }

            block.Add(Encoding.UTF8.GetBytes(row.Name), row.Value, row.Timestamp);
        }
    }

    // Tags are stored in the order of their keys, and rows in any order.
    static List<string> InOrder(IEnumerable<PlainRow> rows) => [.. rows
        .Select(row => row with { Tags = string.Join(',', row.Tags.Split(',').OrderBy(tag => tag.Split('=')[0], StringComparer.Ordinal)) })
        .Select(row => $"{row.Name} {{{row.Tags}}} {row.Timestamp} {BitConverter.DoubleToInt64Bits(row.Value)} {row.ReceivedAt}")
        .Order(StringComparer.Ordinal)];
}
