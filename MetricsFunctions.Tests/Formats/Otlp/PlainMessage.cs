using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MetricsFunctions.Tests.Formats.Otlp;

/// <summary>
/// A message of OTLP as a list of its fields, with the two ways to write it down and to read it again. Slow, and easy to believe: the fields
/// are looked up in a table by their names. Strings and bytes are Latin-1, integers of all kinds <see cref="Int128"/>.
/// </summary>
sealed class PlainMessage : List<(string Name, object Value)>
{
    const string Table = """
        Request: resourceMetrics 1 ResourceMetrics*
        ResourceMetrics: resource 1 Resource, scopeMetrics 2 ScopeMetrics*
        Resource: attributes 1 KeyValue*
        ScopeMetrics: scope 1 Scope, metrics 2 Metric*, schemaUrl 3 string
        Scope: name 1 string, version 2 string, attributes 3 KeyValue*
        Metric: name 1 string, unit 3 string, gauge 5 Gauge, sum 7 Sum, histogram 9 Histogram, exponentialHistogram 10 Exponential, summary 11 Summary
        Gauge: dataPoints 1 Number*
        Sum: dataPoints 1 Number*, aggregationTemporality 2 int64, isMonotonic 3 bool
        Histogram: dataPoints 1 HistogramPoint*, aggregationTemporality 2 int64
        Exponential: dataPoints 1 ExponentialPoint*, aggregationTemporality 2 int64
        Summary: dataPoints 1 SummaryPoint*
        Number: timeUnixNano 3 fixed64, asDouble 4 double, asInt 6 sfixed64, attributes 7 KeyValue*, flags 8 uint64
        HistogramPoint: timeUnixNano 3 fixed64, count 4 fixed64, sum 5 double, bucketCounts 6 fixed64*, explicitBounds 7 double*, attributes 9 KeyValue*, flags 10 uint64, min 11 double, max 12 double
        ExponentialPoint: attributes 1 KeyValue*, timeUnixNano 3 fixed64, count 4 fixed64, sum 5 double, scale 6 sint32, zeroCount 7 fixed64, positive 8 Buckets, negative 9 Buckets, flags 10 uint64, min 12 double, max 13 double, zeroThreshold 14 double
        Buckets: offset 1 sint32, bucketCounts 2 uint64*
        SummaryPoint: timeUnixNano 3 fixed64, count 4 fixed64, sum 5 double, quantileValues 6 Quantile*, attributes 7 KeyValue*, flags 8 uint64
        Quantile: quantile 1 double, value 2 double
        KeyValue: key 1 string, value 2 AnyValue
        AnyValue: stringValue 1 string, boolValue 2 bool, intValue 3 int64, doubleValue 4 double, arrayValue 5 ArrayValue, kvlistValue 6 MapValue, bytesValue 7 bytes
        ArrayValue: values 1 AnyValue*
        MapValue: values 1 KeyValue*
        Outline: resourceMetrics 1 ResourceOutline*
        ResourceOutline: resource 1 bytes, scopeMetrics 2 ScopeOutline*
        ScopeOutline: scope 1 bytes, metrics 2 MetricOutline*, schemaUrl 3 bytes
        MetricOutline: name 1 bytes, unit 3 bytes, gauge 5 bytes, sum 7 bytes, histogram 9 bytes, exponentialHistogram 10 bytes, summary 11 bytes
        """;

    sealed record Field(string Name, int Number, string Type, bool IsList);

    static readonly Dictionary<string, Field[]> Types = Table.Split('\n').Select(line => line.Split(": ")).ToDictionary(
        line => line[0],
        line => line[1].Split(", ").Select(field => field.Split(' ')).Select(field => new Field(field[0], int.Parse(field[1], CultureInfo.InvariantCulture), field[2].TrimEnd('*'), field[2][^1] == '*')).ToArray());

    public IEnumerable<T> All<T>(string name) => this.Where(field => field.Name == name).Select(field => (T)field.Value);

    public T? Last<T>(string name) => All<T>(name).LastOrDefault();

    public bool Has(string name) => this.Any(field => field.Name == name);

    /// <summary>Writes protobuf; a packed list of numbers at the place of its first.</summary>
    public byte[] ToProtobuf(string type, bool isPacked)
    {
        var bytes = new List<byte>();
        foreach (var (name, value) in isPacked ? this.Where((field, i) => !IsPackable(type, field.Name) || FindIndex(other => other.Name == field.Name) == i) : this)
        {
            var field = Types[type].Single(field => field.Name == name);
            if (isPacked && IsPackable(type, name))
            {
                byte[] list = [.. All<object>(name).SelectMany(element => Number(field.Type, element))];
                bytes.AddRange([.. Varint((ulong)field.Number << 3 | 2), .. Varint((ulong)list.Length), .. list]);
                continue;
            }

            bytes.AddRange(Varint((ulong)field.Number << 3 | (uint)WireTypeOf(field.Type)));
            bytes.AddRange(value switch
            {
                PlainMessage message when message.ToProtobuf(field.Type, isPacked) is var written => [.. Varint((ulong)written.Length), .. written],
                string text => [.. Varint((ulong)text.Length), .. Encoding.Latin1.GetBytes(text)],
                _ => Number(field.Type, value),
            });
        }

        return [.. bytes];
    }

    /// <summary>Reads protobuf; <see langword="null"/> for what is none.</summary>
    public static PlainMessage? OfProtobuf(string type, byte[] bytes)
    {
        var message = new PlainMessage();
        var at = 0;
        try
        {
            while (at < bytes.Length)
            {
                var tag = ReadVarint();
                var field = Types[type].SingleOrDefault(field => (ulong)field.Number == tag >> 3);
                var wireType = (int)(tag & 7);
                if (tag > uint.MaxValue || tag >> 3 == 0)
                {
                    return null;
                }

                if (field is not null && wireType == 2 && field.IsList && WireTypeOf(field.Type) != 2)
                {
                    for (var end = at + Length(); at < end;)
                    {
                        message.Add((field.Name, Value(field.Type)));
                        if (at > end)
                        {
                            return null;
                        }
                    }
                }
                else if (field is not null)
                {
                    if (wireType != WireTypeOf(field.Type) || Value(field.Type) is not { } value)
                    {
                        return null;
                    }

                    message.Add((field.Name, value));
                }
                else
                {
                    _ = wireType switch { 0 => ReadVarint(), 1 => Fixed(8), 2 => (ulong)Take(Length()).Length, 5 => Fixed(4), _ => throw new EndOfStreamException() };
                }
            }

            return message;
        }
        catch (Exception e) when (e is IndexOutOfRangeException or EndOfStreamException)
        {
            return null;
        }

        object Value(string type) => type switch
        {
            "string" or "bytes" => Encoding.Latin1.GetString(Take(Length())),
            "double" => BitConverter.UInt64BitsToDouble(Fixed(8)),
            "fixed64" => (Int128)Fixed(8),
            "sfixed64" => (Int128)(long)Fixed(8),
            "uint64" => (Int128)ReadVarint(),
            "int64" => (Int128)(long)ReadVarint(),
            "bool" => (Int128)(ReadVarint() == 0 ? 0 : 1),
            "sint32" when (uint)ReadVarint() is var zigZag => (Int128)((int)(zigZag >> 1) ^ -(int)(zigZag & 1)),
            _ => OfProtobuf(type, Take(Length()))!,
        };

        int Length() => ReadVarint() is var length && length <= (ulong)(bytes.Length - at) ? (int)length : throw new EndOfStreamException();

        byte[] Take(int length)
        {
            at += length;
            return at <= bytes.Length ? bytes[(at - length)..at] : throw new EndOfStreamException();
        }

        ulong Fixed(int length) => Take(length).Reverse().Aggregate(0UL, (value, next) => value << 8 | next);

        ulong ReadVarint()
        {
            var value = 0UL;
            for (var shift = 0; shift < 70; shift += 7)
            {
                var next = bytes[at++];
                value |= shift < 64 ? (ulong)(next & 0x7F) << shift : 0;
                if (next < 0x80)
                {
                    return value;
                }
            }

            throw new EndOfStreamException();
        }
    }

    /// <summary>Writes JSON.</summary>
    /// <param name="type">What the message is.</param>
    /// <param name="areIntegersNumbers">Whether integers of 64 bits are numbers, not strings.</param>
    public string ToJson(string type, bool areIntegersNumbers)
    {
        var fields = this.GroupBy(field => field.Name).Select(group =>
        {
            var field = Types[type].Single(field => field.Name == group.Key);
            var values = group.Select(entry => entry.Value switch
            {
                PlainMessage message => message.ToJson(field.Type, areIntegersNumbers),
                string bytes when field.Type == "bytes" => $"\"{Convert.ToBase64String(Encoding.Latin1.GetBytes(bytes))}\"",
                string text => JsonSerializer.Serialize(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(text))),
                double number when !double.IsFinite(number) => FormattableString.Invariant($"\"{number}\""),
                double number => number.ToString("R", CultureInfo.InvariantCulture),
                _ when field.Type == "bool" => (Int128)entry.Value == 0 ? "false" : "true",
                _ => areIntegersNumbers || field.Type == "sint32" ? $"{entry.Value}" : $"\"{entry.Value}\"",
            });
            return $"\"{field.Name}\":{(field.IsList ? $"[{string.Join(',', values)}]" : values.Last())}";
        });
        return $"{{{string.Join(',', fields)}}}";
    }

    /// <summary>Reads JSON; <see langword="null"/> for what is none, or no such message.</summary>
    public static PlainMessage? OfJson(string type, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var message = new PlainMessage();
        foreach (var property in json.EnumerateObject())
        {
            if (Types[type].SingleOrDefault(field => field.Name == property.Name) is not { } field || property.Value.ValueKind == JsonValueKind.Null)
            {
                continue;
            }

            if (field.IsList && property.Value.ValueKind != JsonValueKind.Array)
            {
                return null;
            }

            foreach (var element in field.IsList ? [.. property.Value.EnumerateArray()] : new[] { property.Value })
            {
                if (OfJsonValue(field.Type, element) is not { } value)
                {
                    return null;
                }

                message.Add((field.Name, value));
            }
        }

        return message;
    }

    static object? OfJsonValue(string type, JsonElement json)
    {
        var text = json.ValueKind switch { JsonValueKind.String => json.GetString()!, JsonValueKind.Number => json.GetRawText(), _ => null };
        switch (type)
        {
            case "string":
                return json.ValueKind == JsonValueKind.String ? Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text!)) : null;
            case "bytes":
                // With its padding or without, and in the alphabet of URLs, too.
                var base64 = (text ?? "").Replace('-', '+').Replace('_', '/').TrimEnd('=');
                var bytes = new byte[base64.Length];
                return json.ValueKind == JsonValueKind.String && Convert.TryFromBase64String(base64 + new string('=', (4 - (base64.Length % 4)) % 4), bytes, out var length)
                    ? Encoding.Latin1.GetString(bytes, 0, length)
                    : null;
            case "bool":
                return json.ValueKind switch { JsonValueKind.True => (Int128)1, JsonValueKind.False => (Int128)0, _ => null };
            case "double":
                return text is not null && text == text.Trim() && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
            case "fixed64" or "sfixed64" or "uint64" or "int64" or "sint32":
                var (least, most) = type switch
                {
                    "fixed64" or "uint64" => (0, (Int128)ulong.MaxValue),
                    "sint32" => (int.MinValue, int.MaxValue),
                    _ => ((Int128)long.MinValue, (Int128)long.MaxValue),
                };
                return text is not null && text == text.Trim() && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var integer)
                    && integer == decimal.Truncate(integer) && (Int128)integer >= least && (Int128)integer <= most
                    ? (Int128)integer
                    : null;
            default:
                return OfJson(type, json);
        }
    }

    static bool IsPackable(string type, string name) => Types[type].Single(field => field.Name == name) is { IsList: true } field && WireTypeOf(field.Type) != 2;

    static int WireTypeOf(string type) => type switch { "double" or "fixed64" or "sfixed64" => 1, "uint64" or "int64" or "sint32" or "bool" => 0, _ => 2 };

    static byte[] Number(string type, object value) => type switch
    {
        "double" => BitConverter.GetBytes((double)value),
        "fixed64" or "sfixed64" => BitConverter.GetBytes((ulong)((Int128)value & ulong.MaxValue)),
        "sint32" when (int)(Int128)value is var signed => Varint((uint)((signed << 1) ^ (signed >> 31))),
        _ => Varint((ulong)((Int128)value & ulong.MaxValue)),
    };

    static byte[] Varint(ulong value) => value < 0x80 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7)];
}
