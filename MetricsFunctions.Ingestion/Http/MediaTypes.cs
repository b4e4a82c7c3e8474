using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using MetricsFunctions.Ingestion.Formats;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>The formats of a protocol whose senders say in <c>Content-Type</c> which one it is.</summary>
/// <param name="formats">Each media type and its format.</param>
sealed class MediaTypes(params (string MediaType, SampleFormat Format)[] formats)
{
    readonly FrozenDictionary<string, SampleFormat> _formats =
        formats.ToFrozenDictionary(entry => entry.MediaType, entry => entry.Format, StringComparer.OrdinalIgnoreCase);

    readonly Problem _unknown = new(
        StatusCodes.Status415UnsupportedMediaType,
        $"Content-Type must be one of {string.Join(", ", formats.Select(entry => entry.MediaType))}, in UTF-8.");

    /// <inheritdoc cref="Protocol.TryGetFormat"/>
    public bool TryGetFormat(
        HttpRequest request, [NotNullWhen(true)] out SampleFormat? format, [NotNullWhen(false)] out Problem? problem)
    {
        if (request.ContentType is not { } plain || !_formats.TryGetValue(plain, out format))
        {
            format = MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
                && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase))
                ? _formats.GetValueOrDefault(type.MediaType.ToString())
                : null;
        }

        problem = format is null ? _unknown : null;
        return format is not null;
    }
}
