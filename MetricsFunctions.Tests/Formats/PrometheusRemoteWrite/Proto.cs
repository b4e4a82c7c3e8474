using System.Text;

namespace MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

/// <summary>Writes a protobuf message field by field.</summary>
sealed class Proto
{
    readonly List<byte> _bytes = [];

    public byte[] ToArray() => [.. _bytes];

    public Proto Varint(int field, ulong value) => Tag(field, 0).Append(Bytes(value));

    public Proto Varint(int field, long value) => Varint(field, (ulong)value);

    public Proto ZigZag(int field, long value) => Varint(field, Folded(value));

    public Proto Double(int field, double value) => Tag(field, 1).Append(BitConverter.GetBytes(value));

    public Proto Fixed32(int field, uint value) => Tag(field, 5).Append(BitConverter.GetBytes(value));

    public Proto Raw(int field, byte[] value) => Tag(field, 2).Append(Bytes((ulong)value.Length)).Append(value);

    public Proto Text(int field, string value) => Raw(field, Encoding.UTF8.GetBytes(value));

    public Proto Message(int field, Proto value) => Raw(field, value.ToArray());

    public Proto Messages(int field, IEnumerable<Proto> values) => values.Aggregate(this, (proto, value) => proto.Message(field, value));

    public Proto Packed(int field, IEnumerable<ulong> values) => Raw(field, [.. values.SelectMany(Bytes)]);

    public Proto PackedZigZag(int field, IEnumerable<long> values) => Packed(field, values.Select(Folded));

    public Proto PackedDoubles(int field, IEnumerable<double> values) => Raw(field, [.. values.SelectMany(BitConverter.GetBytes)]);

    public Proto Append(byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    Proto Tag(int field, int type) => Append(Bytes((ulong)((field << 3) | type)));

    static ulong Folded(long value) => value < 0 ? ((ulong)~value * 2) + 1 : (ulong)value * 2;

    static byte[] Bytes(ulong value)
    {
        var bytes = new List<byte>();
        while (value >= 128)
        {
            bytes.Add((byte)((value % 128) + 128));
            value /= 128;
        }

        return [.. bytes, (byte)value];
    }
}
