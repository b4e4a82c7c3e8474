using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Tests.Formats.Metrics;

/// <summary>
/// What a body means, found the plain way: <see cref="JsonDocument"/>, strings, and the rules of the README one after the other. Slow, and
/// easy to believe.
/// </summary>
static partial class PlainJson
{
    static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };
    static readonly string[] Required = ["metric_name", "metric_value"];

    public static Reading OfJson(byte[] body, AcceptedTime accepted)
    {
        var reading = new Reading();
        if (Parse(WithoutByteOrderMark(body)) is not { } json)
        {
            reading.Broken.Add("");
        }
        else if (json.RootElement.ValueKind == JsonValueKind.Array)
        {
            foreach (var (item, element) in json.RootElement.EnumerateArray().Index())
            {
                new Sample($"/{item}", reading, accepted).Read(element);
            }
        }
        else
        {
            new Sample("", reading, accepted).Read(json.RootElement);
        }

        return reading;
    }

    public static Reading OfGuess(byte[] body, AcceptedTime accepted)
    {
        var text = Encoding.Latin1.GetString(WithoutByteOrderMark(body)).TrimStart(' ', '\t', '\r', '\n');
        if (text is "" or ['[', ..])
        {
            return OfJson(body, accepted);
        }

        var reading = new Reading { IsNoJson = text[0] != '{' };
        if (ParseSeveral(WithoutByteOrderMark(body)) is not { } objects)
        {
            reading.Broken.Add("");
            return reading;
        }

        foreach (var (item, json) in objects.Index())
        {
            new Sample(objects.Count == 1 ? "" : $"/{item}", reading, accepted).Read(json);
        }

        return reading;
    }

    public static Reading OfLines(byte[] body, AcceptedTime accepted)
    {
        var reading = new Reading();
        var lines = Encoding.Latin1.GetString(WithoutByteOrderMark(body)).Split('\n');
        foreach (var (number, line) in lines.Index())
        {
            if (line.Trim(' ', '\t', '\r').Length == 0)
            {
                continue;
            }

            if (Parse(Encoding.Latin1.GetBytes(line)) is { } json)
            {
                new Sample($"/{number}", reading, accepted).Read(json.RootElement);
            }
            else
            {
                reading.Broken.Add($"/{number}");
            }
        }

        if (reading.Rows.Count + reading.Pointers.Count + reading.Broken.Count == 0)
        {
            reading.Broken.Add("");
        }

        return reading;
    }

    static byte[] WithoutByteOrderMark(byte[] body) => body.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? body[3..] : body;

    static JsonDocument? Parse(byte[] json)
    {
        try
        {
            return JsonDocument.Parse(json, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static List<JsonElement>? ParseSeveral(byte[] objects)
    {
        try
        {
            var reader = new Utf8JsonReader(objects, new JsonReaderOptions { MaxDepth = Options.MaxDepth, AllowMultipleValues = true });
            var parsed = new List<JsonElement>();
            while (reader.Read())
            {
                parsed.Add(JsonElement.ParseValue(ref reader));
            }

            return parsed.TrueForAll(json => json.ValueKind == JsonValueKind.Object) ? parsed : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    sealed class Sample(string place, Reading reading, AcceptedTime accepted)
    {
        string? _name;
        double _value;
        long _timestamp = accepted.Now;
        readonly Dictionary<string, string> _tags = [];

        public void Read(JsonElement json)
        {
            if (json.ValueKind != JsonValueKind.Object)
            {
                reading.Pointers.Add(place);
                return;
            }

            var faults = reading.Pointers.Count;
            var seen = new HashSet<string>();
            foreach (var property in json.EnumerateObject())
            {
                var name = NameOf(property);
                var isGood = name is "metric_name" or "metric_value" or "timestamp" or "tags" && seen.Add(name) && name switch
                {
                    "metric_name" => IsText(_name = TextOf(property.Value), 1, 255),
                    "metric_value" => IsNumber(property.Value),
                    "timestamp" => IsTimestamp(property.Value) && accepted.Check(_timestamp) is null,
                    _ => property.Value.ValueKind == JsonValueKind.Object,
                };
                if (!isGood)
                {
                    reading.Pointers.Add(PointerTo("", name));
                }
                else if (name == "tags")
                {
                    ReadTags(property.Value);
                }
            }

            reading.Pointers.AddRange(from name in Required where !seen.Contains(name) select PointerTo("", name));
            if (reading.Pointers.Count == faults)
            {
                var tags = _tags.OrderBy(tag => Encoding.UTF8.GetBytes(tag.Key), Comparer<byte[]>.Create((one, other) => one.AsSpan().SequenceCompareTo(other)));
                reading.Rows.Add(Reading.Row(_name!, string.Join(',', tags.Select(tag => $"{tag.Key}={tag.Value}")), _timestamp, _value));
            }
        }

        void ReadTags(JsonElement tags)
        {
            foreach (var tag in tags.EnumerateObject())
            {
                var (key, value) = (NameOf(tag), TextOf(tag.Value));
                if (!IsText(key, 1, 255) || value is null || Encoding.UTF8.GetByteCount(value) > 4096 || _tags.ContainsKey(key!) || _tags.Count == 100)
                {
                    reading.Pointers.Add(PointerTo("/tags", key));
                }
                else
                {
                    _tags.Add(key!, value!);
                }
            }
        }

        bool IsNumber(JsonElement json) => json.ValueKind == JsonValueKind.Number
            && double.IsFinite(_value = double.Parse(json.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture));

        bool IsTimestamp(JsonElement json) => json.ValueKind switch
        {
            JsonValueKind.String => Rfc3339.TryParse(Encoding.UTF8.GetBytes(TextOf(json) ?? ""), out _timestamp),
            JsonValueKind.Number => Integer().IsMatch(json.GetRawText()) && long.TryParse(json.GetRawText(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _timestamp),
            _ => false,
        };

        static bool IsText(string? text, int least, int most) => text is not null
            && Encoding.UTF8.GetByteCount(text) >= least && Encoding.UTF8.GetByteCount(text) <= most
            && !text.Any(char.IsControl) && text.Trim() == text;

        string PointerTo(string parent, string? name) => place + parent
            + (name is not null && Encoding.UTF8.GetByteCount(name) <= 255 ? $"/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}" : "");

        static string? NameOf(JsonProperty property)
        {
            try
            {
                return property.Name;
            }
            catch (InvalidOperationException)
            {
                // No Unicode.
                return null;
            }
        }

        static string? TextOf(JsonElement json)
        {
            try
            {
                return json.ValueKind == JsonValueKind.String ? json.GetString() : null;
            }
            catch (InvalidOperationException)
            {
                // No Unicode.
                return null;
            }
        }
    }

    [GeneratedRegex("^-?[0-9]+$")]
    private static partial Regex Integer();
}
