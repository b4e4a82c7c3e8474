using System.Buffers.Text;
using MetricsFunctions.Ingestion.Formats.Protobuf;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// The values of attributes as text
/// (<see href="https://opentelemetry.io/docs/specs/otel/common/#anyvalue-representation-for-non-otlp-protocols"/>): strings are themselves,
/// numbers and Booleans as in JSON, bytes in base64, lists and maps in JSON.
/// </summary>
static class AttributeValue
{
    /// <summary>Room for the longest text that any rule accepts, and a byte more.</summary>
    public const int Room = Samples.SampleRules.MaxTagValueBytes + 1;

    // As many as the JSON of a request can have without getting deeper than JSON is read.
    const int MaxDepth = 12;

    /// <summary>Reads a value.</summary>
    /// <param name="message">The message <c>AnyValue</c>.</param>
    /// <param name="room">Where to put the text if it has to be written: <see cref="Room"/> bytes. What is longer is cut there.</param>
    /// <param name="text">The text.</param>
    /// <param name="fault">Why there is none: a clause that follows the attribute's name.</param>
    /// <returns><see langword="false"/> for what is no protobuf.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, Span<byte> room, out ReadOnlySpan<byte> text, out string? fault)
    {
        text = [];
        fault = null;
        if (!TryFind(message, out var field, out var bits, out var bytes))
        {
            return false;
        }

        if (field == OtlpFields.AnyValue.StringValue)
        {
            text = bytes;
            return true;
        }

        var written = new ScratchText(room);
        if (!TryAppend(ref written, field, bits, bytes, depth: 0, ref fault))
        {
            return false;
        }

        text = room[..written.Length];
        return true;
    }

    static bool TryFind(ReadOnlySpan<byte> message, out int field, out ulong bits, out ReadOnlySpan<byte> bytes)
    {
        (field, bits) = (0, 0);
        bytes = [];
        var fields = new WireReader(message);
        while (fields.Next())
        {
            var next = fields.Field;
            switch (next)
            {
                case OtlpFields.AnyValue.StringValue or OtlpFields.AnyValue.ArrayValue or OtlpFields.AnyValue.KvlistValue or OtlpFields.AnyValue.BytesValue:
                    bytes = fields.ReadBytes();
                    break;
                case OtlpFields.AnyValue.BoolValue or OtlpFields.AnyValue.IntValue:
                    bits = fields.ReadVarint();
                    break;
                case OtlpFields.AnyValue.DoubleValue:
                    bits = fields.ReadFixed64();
                    break;
                default:
                    continue;
            }

            field = next;
        }

        return !fields.IsBroken;
    }

    static bool TryAppend(ref ScratchText text, int field, ulong bits, ReadOnlySpan<byte> bytes, int depth, ref string? fault)
    {
        if (depth > MaxDepth)
        {
            fault = "must not be nested deeper than 12 levels";
            return true;
        }

        Span<byte> number = stackalloc byte[DecimalNumber.Room];
        switch (field)
        {
            case OtlpFields.AnyValue.StringValue:
                AppendString(ref text, bytes);
                return true;
            case OtlpFields.AnyValue.BoolValue:
                text.Append(bits != 0 ? "true"u8 : "false"u8);
                return true;
            case OtlpFields.AnyValue.IntValue:
                Utf8Formatter.TryFormat((long)bits, number, out var length);
                text.Append(number[..length]);
                return true;
            case OtlpFields.AnyValue.DoubleValue:
                var value = BitConverter.UInt64BitsToDouble(bits);
                AppendQuoted(ref text, DecimalNumber.Write(value, number, "Infinity"u8), depth > 0 && !double.IsFinite(value));
                return true;
            case OtlpFields.AnyValue.BytesValue:
                AppendBase64(ref text, bytes, isQuoted: depth > 0);
                return true;
            case OtlpFields.AnyValue.ArrayValue or OtlpFields.AnyValue.KvlistValue:
                return TryAppendItems(ref text, bytes, isMap: field == OtlpFields.AnyValue.KvlistValue, depth, ref fault);
            default:
                text.Append(depth > 0 ? "null"u8 : []);
                return true;
        }
    }

    static bool TryAppendItems(ref ScratchText text, ReadOnlySpan<byte> message, bool isMap, int depth, ref string? fault)
    {
        text.Append(isMap ? (byte)'{' : (byte)'[');
        var fields = new WireReader(message);
        for (var isFirst = true; fields.Next();)
        {
            if (fields.Field != OtlpFields.Items.Values)
            {
                continue;
            }

            var value = fields.ReadBytes();
            text.Append(isFirst ? [] : ","u8);
            isFirst = false;
            if (isMap)
            {
                if (!TryReadKeyValue(value, out var key, out value))
                {
                    return false;
                }

                AppendString(ref text, key);
                text.Append((byte)':');
            }

            if (!TryFind(value, out var field, out var bits, out var bytes) || !TryAppend(ref text, field, bits, bytes, depth + 1, ref fault))
            {
                return false;
            }
        }

        text.Append(isMap ? (byte)'}' : (byte)']');
        return !fields.IsBroken;
    }

    /// <summary>Reads the message <c>KeyValue</c>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="key">Its key.</param>
    /// <param name="value">Its value: the message <c>AnyValue</c>.</param>
    /// <returns><see langword="false"/> for what is no protobuf.</returns>
    public static bool TryReadKeyValue(ReadOnlySpan<byte> message, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        key = value = [];
        var fields = new WireReader(message);
        while (fields.Next())
        {
            if (fields.Field == OtlpFields.KeyValue.Key)
            {
                key = fields.ReadBytes();
            }
            else if (fields.Field == OtlpFields.KeyValue.Value)
            {
                value = fields.ReadBytes();
            }
        }

        return !fields.IsBroken;
    }

    static void AppendBase64(ref ScratchText text, ReadOnlySpan<byte> bytes, bool isQuoted)
    {
        // Longer than any text may be already.
        bytes = bytes[..Math.Min(bytes.Length, Room)];
        Span<byte> base64 = stackalloc byte[Base64.GetMaxEncodedToUtf8Length(Room)];
        Base64.EncodeToUtf8(bytes, base64, out _, out var length);
        AppendQuoted(ref text, base64[..length], isQuoted);
    }

    static void AppendQuoted(ref ScratchText text, scoped ReadOnlySpan<byte> content, bool isQuoted)
    {
        text.Append(isQuoted ? "\""u8 : []);
        text.Append(content);
        text.Append(isQuoted ? "\""u8 : []);
    }

    static void AppendString(ref ScratchText text, ReadOnlySpan<byte> content)
    {
        text.Append((byte)'"');
        foreach (var letter in content)
        {
            if (letter < ' ')
            {
                text.Append("\\u00"u8);
                text.Append((byte)('0' + (letter >> 4)));
                text.Append((byte)"0123456789abcdef"[letter & 15]);
                continue;
            }

            if (letter is (byte)'"' or (byte)'\\')
            {
                text.Append((byte)'\\');
            }

            text.Append(letter);
        }

        text.Append((byte)'"');
    }
}
