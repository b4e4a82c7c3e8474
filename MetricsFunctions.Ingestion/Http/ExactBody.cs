using System.IO.Compression;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// A body that .NET decompresses while it arrives, and that ends where its compressed stream does. .NET's decoders read on behind that end, and
/// drop what they find there.
/// </summary>
sealed class ExactBody : ReadOnlyStream
{
    readonly LastByteLast _body;
    readonly Stream _decoder;

    /// <summary>Begins with a body.</summary>
    /// <param name="body">The body as it arrives.</param>
    /// <param name="decode">Makes its decoder.</param>
    public ExactBody(Stream body, Func<Stream, Stream> decode)
    {
        _body = new LastByteLast(body);
        _decoder = decode(_body);
    }

    // Every stream needs its last byte, and a decoder asks for nothing behind that; but for gzip's, which looks for another member, takes whatever
    // is there, and asks for more only when there was nothing.
    bool IsWhole => _decoder is GZipStream ? _body.IsEndSeen : _body.IsLastTaken;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await _decoder.ReadAsync(buffer, cancellationToken);
        return read > 0 || IsWhole ? read : throw new BodyException(BodyFault.Corrupt);
    }

    protected override void Dispose(bool disposing)
    {
        _decoder.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>A body whose last byte comes by itself, so that whoever did not ask for it has ended before.</summary>
    sealed class LastByteLast(Stream body) : ReadOnlyStream
    {
        byte? _next;

        /// <summary>Whether the last byte was asked for.</summary>
        public bool IsLastTaken { get; private set; }

        /// <summary>Whether more than the last byte was asked for.</summary>
        public bool IsEndSeen { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var length = 0;
            if (_next is { } next)
            {
                buffer.Span[0] = next;
                length = 1;
            }

            // One byte more than is handed out.
            while (length < 2)
            {
                var read = await body.ReadAsync(buffer[length..], cancellationToken);
                if (read == 0)
                {
                    (_next, IsLastTaken, IsEndSeen) = (null, true, length == 0);
                    return length;
                }

                length += read;
            }

            length--;
            _next = buffer.Span[length];
            return length;
        }
    }
}
