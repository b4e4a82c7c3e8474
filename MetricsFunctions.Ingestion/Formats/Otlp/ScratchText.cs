namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// A text that grows in memory of its caller's. What has no place there is left out, so the room is a byte more than any rule accepts.
/// </summary>
/// <param name="room">The memory.</param>
ref struct ScratchText(Span<byte> room)
{
    readonly Span<byte> _room = room;

    /// <summary>How long the text is; it can be cut.</summary>
    public int Length { get; set; }

    /// <summary>The text.</summary>
    public readonly ReadOnlySpan<byte> Written => _room[..Length];

    /// <summary>Adds a byte.</summary>
    public void Append(byte letter)
    {
        if (Length < _room.Length)
        {
            _room[Length++] = letter;
        }
    }

    /// <summary>Adds a text.</summary>
    public void Append(scoped ReadOnlySpan<byte> text)
    {
        text = text[..Math.Min(text.Length, _room.Length - Length)];
        text.CopyTo(_room[Length..]);
        Length += text.Length;
    }
}
