using System.Collections.Frozen;
using MetricsFunctions.Ingestion.Formats;
using Microsoft.Net.Http.Headers;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>What a body is, by its <c>Content-Type</c>.</summary>
static class MediaType
{
    /// <summary>Finds the format of a body.</summary>
    /// <param name="formats">The formats by their media types.</param>
    /// <param name="contentType">The header; its parameters mean nothing. JSON is UTF-8, whatever charset they tell (RFC 8259), and is refused if not.</param>
    public static SampleFormat? Find(FrozenDictionary<string, SampleFormat> formats, string? contentType)
    {
        if (contentType is not null && formats.TryGetValue(contentType, out var format))
        {
            return format;
        }

        return MediaTypeHeaderValue.TryParse(contentType, out var type) ? formats.GetValueOrDefault(type.MediaType.ToString()) : null;
    }
}
