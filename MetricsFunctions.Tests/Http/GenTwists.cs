using System.Text;
using MetricsFunctions.Tests.Http.Encodings;

namespace MetricsFunctions.Tests.Http;

/// <summary>Faults of each format that bytes changed at random hardly ever hit.</summary>
static class GenTwists
{
    static readonly string[] JsonBeginnings = ["\ufeff", "\ufeff\ufeff", "\0", " \t\r\n", "\v", "\f", "\u00a0", "\u2028", "//\n", "/**/", "[", "{", ",", "1 ", "\"\" "];
    static readonly string[] JsonEnds = ["\0", " \t\r\n", "\v", "\u00a0", "\ufeff", "]", "}", ",", "{}", "[]", "1", "\"", "//", "\n\n"];

    // Anything may stand behind a brace, a bracket, a comma or a colon.
    static readonly string[] JsonMiddles =
    [
        " \t\r\n", "\v", "\0", "\u00a0", "\u2028", "/**/", ",", ":", "NaN,", "-Infinity", "null,", "'a':1,", "a:1,", "\"\":{},", "\"\\u0000\":1,", "\"\\ud800\":1,", "\"\\ud83d\\ude80\":1,", "\"\ud83d\ude80\":1,",
        "\"x\":\"\\ud800\\u0041\",", "\"x\":\"\\udc00\",", "\"x\":\"\u0001\",", "\"x\":\"\\x\",", "\"x\":\"\\u00g0\",", "\"x\":1e99999999999999999999,", "\"x\":-0,", "\"x\":00,", "\"x\":1e+,", "\"x\":\ufeff1,",
        "\"metric_name\":\"again\",", "\"metric_v\\u0061lue\":2,", "\"tags\":{\"t\":\"1\",\"t\":\"2\"},", "\"resourceMetrics\":[],", "\"resource_metrics\":[],", "\"resourceMetrics\":null,", "\"name\":\"again\",", "\"timeUnixNano\":\"1\",", "\"asInt\":1e3,", "\"asInt\":\" 1\",",
    ];

    static readonly string[] LineParts =
    [
        ",", "=", " ", "\\", "\"", "\n", "\r\n", "\0", "\t", "\\,", "\\=", "\\ ", "\\\\", "\\\"", ",,", "==", "  ", " ,", ", ", "= ", " =", ",=", "=,", "#", "\ufeff", "\n#", "\\\n", "i", "u", "e", ".", "-",
        "=1i", "=\"", "\"\n", "=9223372036854775808i", "=-9223372036854775809i", "=18446744073709551616u", "=1e999", "=1e-999", " 9223372036854775807", " -9223372036854775809", " 99999999999999999999999",
    ];

    static readonly ulong[] Lengths = [0, 1, 127, 128, 1 << 20, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, long.MaxValue, 1UL << 63, ulong.MaxValue];
    static readonly ulong[] Numbers = [0, 1, 15, 16, 19_000, (1 << 29) - 1, 1 << 29, 1UL << 32, 1UL << 60];

    public static byte[] Json(byte[] body, Random random)
    {
        // A character is a byte.
        var text = Encoding.Latin1.GetString(body);
        switch (random.Next(6))
        {
            case 0:
                return Encoding.Latin1.GetBytes(Utf8(JsonBeginnings[random.Next(JsonBeginnings.Length)]) + (random.OneIn(2) || text.Length == 0 ? text : text[1..]));
            case 1:
                return Encoding.Latin1.GetBytes(text + Utf8(JsonEnds[random.Next(JsonEnds.Length)]));
            case 2:
                byte[] bytes = random.OneIn(2) ? Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(body)) : Encoding.BigEndianUnicode.GetBytes(Encoding.UTF8.GetString(body));
                return random.OneIn(2) ? bytes : [.. random.OneIn(2) ? Encoding.Unicode.Preamble : Encoding.BigEndianUnicode.Preamble, .. bytes];
            case 3:
                var depth = random.Next(3) switch { 0 => random.Next(1, 10), 1 => random.Next(55, 70), _ => 5_000 };
                return Insert(text, "{[,:", random.OneIn(2) ? $"\"x\":{new string('[', depth)}{new string(']', depth)}," : string.Concat(Enumerable.Repeat("{\"x\":", depth)) + "1" + new string('}', depth), random);
            case 4:
                var number = random.Next(4) switch { 0 => new string('9', random.Next(300, 5_000)), 1 => $"0.{new string('0', random.Next(300, 5_000))}1", 2 => $"1e{new string('0', 400)}1", _ => $"-1{new string('0', 308)}.5e-{random.Next(700)}" };
                var digit = text.IndexOfAny([.. "0123456789"], random.Next(text.Length + 1));
                return Encoding.Latin1.GetBytes(digit < 0 ? number : text[..digit] + number + text[(digit + 1)..]);
            default:
                return Insert(text, "{[,:", Utf8(JsonMiddles[random.Next(JsonMiddles.Length)]), random);
        }
    }

    public static byte[] Lines(byte[] body, Random random) =>
        Insert(Encoding.Latin1.GetString(body), ",= \\\"\n", Utf8(LineParts[random.Next(LineParts.Length)]), random);

    /// <summary>Changes one field of a message, or of a message in it.</summary>
    public static byte[] Protobuf(byte[] message, Random random)
    {
        if (FieldsOf(message) is not { Count: > 0 } fields)
        {
            return [.. message, .. Varint(Numbers[random.Next(Numbers.Length)] << 3 | (uint)random.Next(8), 0), .. random.Bytes(random.Next(10))];
        }

        var (begin, value, end, number, type) = fields[random.Next(fields.Count)];
        var content = message[value..end];
        if (type == 2 && content.Length > 0 && random.Next(4) > 0 && FieldsOf(content) is not null)
        {
            content = Protobuf(content, random);
            return [.. message[..begin], .. Varint(number << 3 | 2, 0), .. Varint((ulong)content.Length, 0), .. content, .. message[end..]];
        }

        var tag = number << 3 | (uint)type;
        byte[] length = type == 2 ? Varint((ulong)content.Length, 0) : [];
        byte[] field = random.Next(8) switch
        {
            0 => [.. Varint(Numbers[random.Next(Numbers.Length)] << 3 | (uint)type, 0), .. length, .. content],
            1 => [.. Varint(number << 3 | (uint)random.Next(8), 0), .. length, .. content],
            2 => [.. Varint(tag, random.Next(1, 12)), .. length, .. content],
            3 when type == 2 => [.. Varint(tag, 0), .. Varint((ulong)content.Length, random.Next(1, 12)), .. content],
            3 or 4 when type == 0 => [.. Varint(tag, 0), .. Varint(Lengths[random.Next(Lengths.Length)], random.Next(12))],
            4 when type == 2 => [.. Varint(tag, 0), .. Varint(random.OneIn(2) ? (ulong)(content.Length + random.Next(-1, 2)) : Lengths[random.Next(Lengths.Length)], 0), .. content],
            5 => [.. Varint(number << 3 | 3, 0), .. Varint(tag, 0), .. length, .. content, .. Varint(number << 3 | 4, 0)],
            6 => [],
            _ => [.. message[begin..end], .. message[begin..end]],
        };
        return [.. message[..begin], .. field, .. message[end..]];
    }

    // Where each begins, its value behind the length begins, and it ends.
    static List<(int Begin, int Value, int End, ulong Number, int Type)>? FieldsOf(byte[] message)
    {
        var fields = new List<(int, int, int, ulong, int)>();
        for (var at = 0; at < message.Length;)
        {
            var begin = at;
            if (!TryVarint(out var tag))
            {
                return null;
            }

            var value = at;
            ulong length;
            switch (tag & 7)
            {
                case 0 when TryVarint(out _):
                    length = 0;
                    break;
                case 1:
                    length = 8;
                    break;
                case 2 when TryVarint(out length):
                    value = at;
                    break;
                case 5:
                    length = 4;
                    break;
                default:
                    return null;
            }

            if (length > (ulong)(message.Length - at))
            {
                return null;
            }

            at += (int)length;
            fields.Add((begin, value, at, tag >> 3, (int)(tag & 7)));

            bool TryVarint(out ulong read)
            {
                read = 0;
                for (var shift = 0; shift < 70 && at < message.Length; shift += 7)
                {
                    var next = message[at++];
                    read |= (ulong)(next & 0x7F) << shift;
                    if (next < 0x80)
                    {
                        return true;
                    }
                }

                return false;
            }
        }

        return fields;
    }

    // With more bytes than it needs.
    static byte[] Varint(ulong value, int more) =>
        value < 0x80 && more == 0 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7, value < 0x80 ? more - 1 : more)];

    static byte[] Insert(string text, string behind, string other, Random random)
    {
        var place = text.IndexOfAny([.. behind], random.Next(text.Length + 1)) + 1;
        return Encoding.Latin1.GetBytes(text.Insert(place, other));
    }

    static string Utf8(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
}
