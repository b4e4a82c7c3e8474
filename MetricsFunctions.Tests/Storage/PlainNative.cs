using System.Buffers;
using System.Text;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;

namespace MetricsFunctions.Tests.Storage;

/// <summary>A row as a table has it. Tags are <c>key=value</c> with commas.</summary>
sealed record PlainRow(string Name, string Tags, long Timestamp, double Value, long ReceivedAt, UInt128 RequestId = default);

/// <summary>Reads blocks of the Native format, slowly and strictly, and only those of samples.</summary>
sealed class PlainNative
{
    readonly byte[] _bytes;
    int _at;

    PlainNative(byte[] bytes) => _bytes = bytes;

    /// <summary>The bytes of an INSERT of requests.</summary>
    public static byte[] BytesOf(params IEnumerable<SampleBlock> requests)
    {
        var group = new InsertGroup(month: 0, begun: 0, token: null);
        foreach (var request in requests.Where(request => request.Count > 0))
        {
            group.Append(request);
        }

        var insert = new Insert([group], isMarked: false);
        var bytes = insert.Rows.ToArray();
        Assert.Equal(bytes, insert.Rows.ToArray());
        insert.End(null);
        return bytes;
    }

    /// <summary>The rows of each block.</summary>
    public static List<List<PlainRow>> Read(byte[] bytes)
    {
        var reader = new PlainNative(bytes);
        var blocks = new List<List<PlainRow>>();
        while (reader._at < bytes.Length)
        {
            blocks.Add(reader.ReadBlock());
        }

        return blocks;
    }

    List<PlainRow> ReadBlock()
    {
        Assert.Equal(6, Varint());
        var rows = Varint();
        Assert.NotEqual(0, rows);

        AssertColumn("metric_name", "LowCardinality(String)");
        Assert.Equal(1, Long());
        var names = Dictionary(rows);

        AssertColumn("tags", "Map(LowCardinality(String), LowCardinality(String))");
        Assert.Equal((1, 1), (Long(), Long()));
        var ends = Longs(rows);
        var keys = Dictionary((int)ends[^1]);
        var values = Dictionary((int)ends[^1]);

        AssertColumn("timestamp", "DateTime64(3, 'UTC')");
        var timestamps = Longs(rows);
        AssertColumn("metric_value", "Float64");
        var metricValues = Longs(rows);
        AssertColumn("received_at", "DateTime64(3, 'UTC')");
        var receivedAt = Longs(rows);
        AssertColumn("request_id", "LowCardinality(UInt128)");
        Assert.Equal(1, Long());
        var requestIds = Dictionary(rows, () => new UInt128(0, (ulong)Long()) | new UInt128((ulong)Long(), 0));

        return [.. Enumerable.Range(0, rows).Select(row =>
        {
            var (begin, end) = (row == 0 ? 0 : (int)ends[row - 1], (int)ends[row]);
            var tags = string.Join(',', Enumerable.Range(begin, end - begin).Select(tag => $"{keys[tag]}={values[tag]}"));
            return new PlainRow(names[row], tags, timestamps[row], BitConverter.Int64BitsToDouble(metricValues[row]), receivedAt[row], requestIds[row]);
        })];
    }

    void AssertColumn(string name, string type) => Assert.Equal((name, type), (Text(), Text()));

    List<string> Dictionary(int count) => Dictionary(count, Text);

    List<T> Dictionary<T>(int count, Func<T> read)
    {
        if (count == 0)
        {
            return [];
        }

        var flags = Long();
        var entries = Enumerable.Range(0, (int)Long()).Select(_ => read()).ToList();
        Assert.Equal(entries.Count, entries.Distinct().Count());

        // HasAdditionalKeys, NeedUpdateDictionary, and the narrowest numbers that do.
        var width = entries.Count <= 0x100 ? 0 : entries.Count <= 0x10000 ? 1 : 2;
        Assert.Equal(0x600 + width, flags);
        Assert.Equal(count, Long());
        return [.. Enumerable.Range(0, count).Select(_ => entries[(int)Number(1 << width)])];
    }

    List<long> Longs(int count) => [.. Enumerable.Range(0, count).Select(_ => Long())];

    long Long() => Number(sizeof(long));

    long Number(int bytes)
    {
        var number = 0L;
        for (var i = 0; i < bytes; i++)
        {
            number |= (long)_bytes[_at++] << (8 * i);
        }

        return number;
    }

    string Text()
    {
        var length = Varint();
        _at += length;
        return Encoding.UTF8.GetString(_bytes, _at - length, length);
    }

    int Varint()
    {
        var (number, shift) = (0, 0);
        for (; _bytes[_at] >= 0x80; shift += 7)
        {
            number |= (_bytes[_at++] & 0x7F) << shift;
        }

        return number | (_bytes[_at++] << shift);
    }
}
