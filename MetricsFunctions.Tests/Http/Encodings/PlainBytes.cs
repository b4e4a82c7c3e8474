namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>What a reader of the plain kind finds.</summary>
/// <param name="Body">The body as it was before; <see langword="null"/> where it is corrupt, or needs what is not there.</param>
/// <param name="IsDoubtful">Whether a reader may as well do otherwise.</param>
readonly record struct Decoded(byte[]? Body, bool IsDoubtful = false);

/// <summary>Bytes that are read one after the other; an exception ends the reading of what is no such stream.</summary>
sealed class PlainBytes(byte[] bytes)
{
    public int At { get; private set; }

    /// <summary>Whether a reader may as well do otherwise.</summary>
    public bool IsDoubtful { get; set; }

    public int Left => bytes.Length - At;

    public bool IsAtEnd => Left == 0;

    public byte Byte() => Take(1)[0];

    public uint Little(int count) => Take(count).AsEnumerable().Reverse().Aggregate(0U, (value, next) => (value << 8) | next);

    public ulong Little64() => BitConverter.ToUInt64(Take(sizeof(ulong)));

    public byte[] Take(long count)
    {
        Check(count <= Left);
        return bytes[At..(At += (int)count)];
    }

    public byte[] Since(int begin) => bytes[begin..At];

    /// <summary>Reads with a reader of the plain kind, which ends in an exception where something is wrong.</summary>
    public static Decoded Read(byte[] sent, Action<PlainBytes, List<byte>> read)
    {
        var bytes = new PlainBytes(sent);
        try
        {
            var body = new List<byte>();
            read(bytes, body);
            return new Decoded([.. body], bytes.IsDoubtful);
        }
        catch (InvalidDataException)
        {
            return new Decoded(null, bytes.IsDoubtful);
        }
    }

    public static void Check(bool isGood)
    {
        if (!isGood)
        {
            throw new InvalidDataException();
        }
    }

    /// <summary>Repeats what was written <paramref name="offset"/> bytes ago.</summary>
    public static void Copy(List<byte> body, long offset, int length)
    {
        Check(offset >= 1 && offset <= body.Count);
        for (; length > 0; length--)
        {
            body.Add(body[^(int)offset]);
        }
    }
}
