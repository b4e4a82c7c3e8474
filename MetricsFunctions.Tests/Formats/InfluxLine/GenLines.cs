using System.Globalization;
using CsCheck;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.InfluxLine;

/// <summary>Generates bodies in line protocol: good ones, those with every kind of fault, and those with bytes changed at random.</summary>
static class GenLines
{
    static readonly Gen<string> Name = Gen.Frequency(
        (12, Gen.OneOfConst("m", "cpu_load", "http.server.duration", "Größe🚀", "a/b~c", "value", "#x", "\"q\"")),
        (4, Gen.OneOfConst(@"a\ b", @"a\,b", @"a\=b", @"a\\b", @"C:\temp", @"a\\\ b", @"\=", @"a\""b", @"\\\,x")),
        (1, Gen.OneOfConst("", " ", @"\ m", @"m\ ", "a=b", "a\\", "a\\\\", "\t", "\u007f", "\u0085", "\u00a0m", "\ufeff", "a\rb", "=\"", " =\"a")),
        (1, Gen.Select(Gen.OneOfConst(62, 63, 64, 65, 66, 125, 128, 253, 254, 255, 256, 257, 600), Gen.OneOfConst("n", "ü", @"\ ", @"\,", @"\\"), (count, letter) => "x" + string.Concat(Enumerable.Repeat(letter, count - 2)) + "y")));

    static readonly Gen<string> Number = Gen.OneOf(
        Gen.OneOfConst("0", "-0", "1", "1.", ".5", "-.5e1", "1.e3", "1E+2", "5e-324", "1e-999", "9007199254740993", "007", "1e999", "-1.8e308", ".", "-", "", "+1", "1e", "NaN", "inf", "0x10", "1_0", "1\t", "1.2.3", "--1"),
        Gen.OneOfConst("0i", "-0i", "12i", "-9223372036854775808i", "9223372036854775807i", "9223372036854775808i", "007i", "i", "+1i", "1.5i", "1ii", "1 i", "0u", "18446744073709551615u", "18446744073709551616u", "-1u", "-0u", "u", "1e3i"),
        Gen.OneOfConst("t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE", "tRUE", "tr", "truee", "no"),
        Gen.Double.Select(value => value.ToString("R", CultureInfo.InvariantCulture)),
        Gen.Long.Select(value => $"{value}i"),
        Gen.ULong.Select(value => $"{value}u"),
        Gen.Decimal.Select(value => value.ToString(CultureInfo.InvariantCulture)));

    static readonly Gen<string> Text = Gen.Frequency(
        (10, Gen.OneOfConst("\"\"", "\"text\"", "\"a b,c=d\"", "\"a\nb\"", "\"a\\\"b\"", "\"C:\\\\\"", "\"\n\n\"", "\"a\\\nb\"", "\"#\"", "\"a=\\\"\n 1\"", "\"\\x\"", "\"Größe\r\n\"")),
        (1, Gen.OneOfConst("\"", "\"a", "\"a\\\"", "\"a\"b", "\"a\"\"b\"", "\"a\"=\"b\"", "\"a\\")));

    static readonly Gen<string> Value = Gen.Frequency((20, Gen.OneOfConst("1", "0.42", "12i", "T")), (5, Number), (5, Text));

    static readonly Gen<string> Timestamp = Gen.Frequency(
        (6, Gen.Const("")),
        (8, Gen.Long[-400L * 86_400_000, 700_000].Select(offset => $" {GenBody.Now.ToUnixTimeMilliseconds() + offset}")),
        (1, Gen.OneOfConst("  1795453200000", " 1795453200000 ", " 1795453200000\t", " -1", " 0", " -", " +1", " 12x", " 1.5", " 1795453200000 1795453200000", " 9223372036854775807", " 9223372036854775808", " -9223372036854775808", " 99999999999999999999", "\t1795453200000", " \t1795453200000", "\\ 5")));

    static readonly Gen<string> Space = Gen.Frequency((20, Gen.Const(" ")), (1, Gen.OneOfConst("  ", "", "\t", " \t", "\\ ")));

    static readonly Gen<string> Tags = Gen.Frequency(
        (20, Gen.Select(Name, Name, (key, value) => $",{key}={value}").Array[0, 3].Select(string.Concat)),
        (10, Gen.OneOfConst("", ",host=a", ",host=a,cpu=0", ",cpu=0,host=a\\ b")),
        (1, Gen.OneOfConst(",", ",t", ",t=", ",=v", ",t=1,t=2", ",t=1,", ",,t=1", ",t=\"", ",a=1=2")),
        (1, Gen.OneOfConst(4095, 4096, 4097, 5000).Select(length => $",t={new string('v', length)}")),
        (1, Gen.OneOfConst(",t=\\ a\\ ", ",t= a", ",t=a\tb", ",t=a\0b", ",t=a\rb", ",t=\\ ")),
        (1, Gen.Int[98, 102].Select(count => string.Concat(Enumerable.Range(0, count).Reverse().Select(i => $",k{i}=v")))));

    static readonly Gen<string> Fields = Gen.Frequency(
        (20, Gen.Select(Name, Value, (key, value) => $"{key}={value}").Array[1, 3].Select(fields => string.Join(',', fields))),
        (20, Gen.Select(Gen.OneOfConst("value", "f", "load1", @"a\ b", "time"), Value, (key, value) => $"{key}={value}").Array[1, 3].Select(fields => string.Join(',', fields))),
        (1, Gen.OneOfConst("", "f", "=1", "f=1,", ",f=1", "f=1,,g=2", "f=1, g=2", "f==1", "f=1 ,g=2")));

    static readonly Gen<string> Line = Gen.Frequency(
        (30, Gen.Select(Gen.OneOfConst("m", "cpu", "disk\\ io"), Tags, Space, Fields, Timestamp, (name, tags, space, fields, timestamp) => name + tags + space + fields + timestamp)),
        (10, Gen.Select(Name, Tags, Space, Fields, Timestamp, (name, tags, space, fields, timestamp) => name + tags + space + fields + timestamp)),
        (30, Gen.OneOfConst("m f=1", "m,host=a value=0.42", "m a=1,b=2i,c=\"x\"", "m a=\"x\"", "m a=1,b=2,a=3", "m a=1,b=2,c=x", "m f=1\0", " m f=1", "\tm f=1", "m f=1 ")),
        (3, Gen.OneOfConst("", " ", "\t", "\r", "# comment", "#", " # f=\"", "#m f=\"a", "m f=\"a\nm f=1\"", "\ufeffm f=1", "\ufeff# f=\"", " \ufeffm f=1")));

    public static readonly Gen<byte[]> Bodies = GenBody.Mutated(Gen.Select(
        Line.Array[0, 8], Gen.OneOfConst("\n", "\r\n"), Gen.Bool, (lines, end, isEnded) => string.Join(end, lines) + (isEnded ? end : "")));
}
