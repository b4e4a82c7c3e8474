using System.Buffers;

namespace MetricsFunctions.Ingestion.Memory;

/// <summary>An array of the pool, for as long as a method needs it: declared with <c>using</c>, it goes back whatever happens.</summary>
/// <typeparam name="T">Of what.</typeparam>
/// <param name="length">How many; what they are at first is left to chance.</param>
readonly struct Rented<T>(int length) : IDisposable
{
    readonly T[] _array = ArrayPool<T>.Shared.Rent(length);

    /// <summary>The values.</summary>
    public Span<T> Span => _array.AsSpan(0, length);

    /// <summary>The same.</summary>
    public Memory<T> Memory => _array.AsMemory(0, length);

    /// <summary>One of the values.</summary>
    /// <param name="index">Which.</param>
    public ref T this[int index] => ref _array[index];

    /// <summary>Gives the array back.</summary>
    public void Dispose() => ArrayPool<T>.Shared.Return(_array);
}
