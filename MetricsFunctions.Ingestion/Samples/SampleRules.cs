using System.Text;
using System.Text.Unicode;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// What makes a sample acceptable, for every format alike. Each check answers <see langword="null"/> for a good part, and otherwise a
/// clause that follows the part's name: it states the rule and never repeats what was sent.
/// </summary>
static class SampleRules
{
    /// <summary>Longest metric name, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 255;

    /// <summary>Most tags a sample can have.</summary>
    public const int MaxTags = 100;

    /// <summary>Longest tag key, in bytes of UTF-8.</summary>
    public const int MaxTagKeyBytes = 255;

    /// <summary>Longest tag value, in bytes of UTF-8.</summary>
    public const int MaxTagValueBytes = 4096;

    /// <summary>Checks a tag key: 1 to <see cref="MaxTagKeyBytes"/> bytes of clean text.</summary>
    /// <param name="key">The key in UTF-8, unescaped.</param>
    public static string? CheckTagKey(ReadOnlySpan<byte> key) => key.Length switch
    {
        0 => "must not have an empty key",
        > MaxTagKeyBytes => "must have a key of at most 255 bytes of UTF-8",
        _ => CheckText(key) is { } fault ? "has a key that " + fault : null,
    };

    /// <summary>
    /// Checks a tag value: 0 to <see cref="MaxTagValueBytes"/> bytes of UTF-8, whatever characters they are. Values tell what there is, line
    /// breaks and padding too.
    /// </summary>
    /// <param name="value">The value in UTF-8, unescaped.</param>
    public static string? CheckTagValue(ReadOnlySpan<byte> value) =>
        value.Length > MaxTagValueBytes ? "must be at most 4096 bytes of UTF-8"
        : Utf8.IsValid(value) ? null
        : NoUtf8;

    /// <summary>Checks a value: any double but infinities and NaN.</summary>
    /// <param name="value">The value.</param>
    public static string? CheckValue(double value) =>
        double.IsFinite(value) ? null : "must be finite: at most 1.7976931348623157e308 in magnitude";

    /// <summary>Checks for clean text: valid UTF-8, no control characters (Unicode category Cc), no white space at either end.</summary>
    /// <param name="text">At least one byte.</param>
    public static string? CheckText(ReadOnlySpan<byte> text)
    {
        if (text.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0)
        {
            return text[0] == ' ' || text[^1] == ' ' ? OuterWhiteSpace : null;
        }

        var first = true;
        Rune rune = default;
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(text, out rune, out var length) != System.Buffers.OperationStatus.Done)
            {
                return NoUtf8;
            }

            if (Rune.IsControl(rune))
            {
                return "must not contain control characters";
            }

            if (first && Rune.IsWhiteSpace(rune))
            {
                return OuterWhiteSpace;
            }

            first = false;
            text = text[length..];
        }

        return Rune.IsWhiteSpace(rune) ? OuterWhiteSpace : null;
    }

    const string NoUtf8 = "must be valid UTF-8";
    const string OuterWhiteSpace = "must not begin or end with white space";
}
