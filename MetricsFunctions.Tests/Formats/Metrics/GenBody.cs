using System.Globalization;
using System.Text;
using CsCheck;

namespace MetricsFunctions.Tests.Formats.Metrics;

/// <summary>Generates bodies: good ones, those with every kind of fault, and those with bytes changed at random.</summary>
static class GenBody
{
    public static readonly DateTimeOffset Now = new(2026, 11, 23, 17, 0, 0, TimeSpan.Zero);

    static readonly Gen<string> Space = Gen.Frequency((12, Gen.Const("")), (1, Gen.Const(" ")), (1, Gen.Const("\t \r")));

    // What stands between quotes.
    static readonly Gen<string> Text = Gen.Frequency(
        (10, Gen.OneOfConst("m", "cpu_load", "http.server.duration", "Größe 🚀", "a b", "a/b~c")),
        (2, Gen.OneOfConst("\\u0061", "\\ud83d\\ude80", "\\\"\\\\\\/", "Gr\\u00f6\\u00DFe", "x\\u00e9\\u4e2d")),
        (1, Gen.OneOfConst("", " ", " m", "m\\u0020", "\\n", "a\\tb", "\u007f", "\u0085", "\u00a0m", "\\ud800", "\\udc00\\ud800", "\\ud800x", "\\ud83d\\u0041", "\\x", "\\u12", "\u0001")),
        (1, Gen.Select(Gen.OneOfConst(62, 63, 64, 65, 66, 125, 128, 253, 254, 255, 256, 257, 600, 2048, 4096, 4097), Gen.OneOfConst("n", "ü", "\\u006e", "\\u00fc", "\\ud83d\\ude80"), (count, letter) => string.Concat(Enumerable.Repeat(letter, count)))));

    static readonly Gen<string> Number = Gen.OneOf(
        Gen.OneOfConst("0", "-0", "1", "0.42", "-12.5e1", "1E+2", "5e-324", "1e-999", "1e999", "-1.8e308", "9007199254740993", "90071992547409.93", "123456789012345678901234567890.5", "0.1e-400", "00", "01", "+1", ".5", "1.", "1e", "-", "0x10", "1_0"),
        Gen.Double.Select(value => value.ToString("R", CultureInfo.InvariantCulture)),
        Gen.Select(Gen.Long, Gen.Int[0, 17], (digits, point) => Decimal(digits, point)),
        Gen.Decimal.Select(value => value.ToString(CultureInfo.InvariantCulture)));

    static readonly Gen<string> Timestamp = Gen.OneOf(
        Gen.Long[-400L * 86_400_000, 700_000].Select(offset => $"{Now.ToUnixTimeMilliseconds() + offset}"),
        Gen.Long[-400L * 86_400_000, 700_000].Select(offset => $"\"{Now.AddMilliseconds(offset):yyyy-MM-ddTHH:mm:ss.fffzzz}\""),
        Gen.OneOfConst("\"2026-11-23T16:00:00Z\"", "\"2026-11-23T16\\u003a00:00Z\"", "\"2026-11-23 16:00:00Z\"", "\"\"", "\"2026-11-31T16:00:00Z\"", "0", "-0", "1e12", "1.5", "99999999999999999999", "null"));

    static readonly Gen<string> Other = Gen.Frequency(
        (6, Gen.OneOfConst("true", "false", "null", "1", "\"text\"", "{}", "[]", "[1,{\"a\":[null,{}]},\"]\"]", "{\"a\":{\"b\":[]}}")),
        (1, Gen.OneOfConst("", "nul", "tru", "NaN", "'a'", "[1,]", "{\"a\":}", "{,}", "[", "}", "/**/1")),
        (1, Gen.Int[60, 66].Select(depth => new string('[', depth) + new string(']', depth))));

    static readonly Gen<string> Tags = Gen.OneOf(
        Gen.Select(Space, Gen.Select(Text, Gen.Frequency((8, Text.Select(Quoted)), (1, Other)), Space, (key, value, space) => $"{space}\"{key}\"{space}:{value}").Array[0, 4], List),
        Gen.Int[98, 102].Select(count => $"{{{string.Join(',', Enumerable.Range(0, count).Reverse().Select(i => $"\"k{i}\":\"\""))}}}"));

    static readonly Gen<string> Property = Gen.Frequency(
        (8, Gen.Frequency((9, Text.Select(Quoted)), (1, Other)).Select(value => $"\"metric_name\":{value}")),
        (8, Gen.Frequency((9, Number), (1, Other)).Select(value => $"\"metric_value\":{value}")),
        (3, Gen.Frequency((9, Timestamp), (1, Other)).Select(value => $"\"timestamp\":{value}")),
        (3, Gen.Frequency((9, Tags), (1, Other)).Select(value => $"\"tags\":{value}")),
        (1, Gen.Select(Text, Other, (name, value) => $"\"{name}\":{value}")),
        (1, Other.Select(value => $"\"metric_v\\u0061lue\":{value}")));

    static readonly Gen<string> Sample = Gen.Frequency(
        (6, Gen.Select(Text, Number, Space, (name, value, space) => $"{{\"metric_name\":{space}\"{name}\"{space},{space}\"metric_value\":{value}{space}}}")),
        (6, Gen.Const("{\"metric_name\":\"m\",\"metric_value\":1}")),
        (6, Gen.Select(Space, Gen.Select(Property, Space, (property, space) => property + space).Array[0, 6], List)),
        (1, Other));

    /// <summary>Texts that are one sample or an array.</summary>
    public static readonly Gen<byte[]> Json = Mutated(Gen.OneOf(
        Sample,
        Gen.Select(Gen.Frequency((20, Gen.Const("")), (1, Gen.Const("\ufeff"))), Space, Sample.Array[0, 8], (mark, space, samples) => $"{mark}{space}[{space}{string.Join($"{space},", samples)}{space}]{space}")));

    /// <summary>Texts of a sample a line.</summary>
    public static readonly Gen<byte[]> Lines = Mutated(Gen.Select(
        Gen.Frequency((20, Gen.Const("")), (1, Gen.Const("\ufeff"))),
        Gen.Frequency((10, Sample), (1, Space)).Array[0, 8],
        Gen.OneOfConst("\n", "\r\n"),
        Gen.Bool,
        (mark, samples, end, isEnded) => mark + string.Join(end, samples) + (isEnded ? end : "")));

    /// <summary>Texts of which their sender does not say what they are: those of <see cref="Json"/>, and several samples behind each other.</summary>
    public static readonly Gen<byte[]> Guess = Gen.OneOf(Json, Mutated(Gen.Select(
        Gen.Frequency((20, Gen.Const("")), (1, Gen.Const("\ufeff"))),
        Sample.Array[0, 8],
        Gen.OneOfConst("", " ", "\n", "\r\n\n", ","),
        (mark, samples, between) => mark + string.Join(between, samples))));

    /// <summary>Lengths of the pieces that a body arrives in.</summary>
    public static readonly Gen<int[]> Pieces = Gen.OneOf(Gen.Int[1, 8].Array[0, 30], Gen.Int[1, 200].Array[0, 10]);

    /// <summary>Half of them as they are; in the others some bytes are replaced, removed or inserted, or a stretch is repeated or cut out.</summary>
    public static Gen<byte[]> Mutated(Gen<string> text) => Mutated(text.Select(Encoding.UTF8.GetBytes));

    /// <inheritdoc cref="Mutated(Gen{string})"/>
    public static Gen<byte[]> Mutated(Gen<byte[]> bodies) => Gen.Select(
        bodies,
        Gen.OneOf(
            Gen.Const(Array.Empty<(int, int, byte)>()),
            Gen.Select(Gen.Int[0, 4], Gen.Int[0, 10_000], Gen.OneOf(Gen.Byte, Gen.OneOfConst("\"\\{}[],:\n 0-.e\0\u007f").Select(letter => (byte)letter[0]), Gen.OneOfConst((byte)'"', (byte)'\\', (byte)'{', (byte)'}', (byte)'[', (byte)']', (byte)',', (byte)':', (byte)'\n', (byte)'0', (byte)'u', (byte)0xED, (byte)0xFF))).Array[1, 4]),
        (body, mutations) =>
        {
            var bytes = body.ToList();
            foreach (var (kind, place, other) in mutations)
            {
                var at = place % (bytes.Count + 1);
                var length = Math.Min(other % 16, bytes.Count - at);
                switch (kind)
                {
                    case 0 when at < bytes.Count:
                        bytes[at] = other;
                        break;
                    case 1:
                        bytes.Insert(at, other);
                        break;
                    case 2:
                        bytes.RemoveRange(at, length);
                        break;
                    case 3:
                        bytes.InsertRange(at, bytes.GetRange(at, length));
                        break;
                    default:
                        bytes.RemoveRange(at, (bytes.Count - at) / 2);
                        break;
                }
            }

            return bytes.ToArray();
        });

    static string Quoted(string text) => $"\"{text}\"";

    static string List(string space, string[] members) => $"{{{space}{string.Join(',', members)}{space}}}";

    static string Decimal(long digits, int point)
    {
        var text = Math.Abs((decimal)digits).ToString(CultureInfo.InvariantCulture).PadLeft(point + 1, '0');
        return (digits < 0 ? "-" : "") + text[..^point] + (point > 0 ? "." + text[^point..] : "");
    }
}
