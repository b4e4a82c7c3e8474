using System.Diagnostics;
using System.Text;

namespace MetricsFunctions.Tests;

/// <summary>What a process prints, on both of its streams.</summary>
sealed class ProcessOutput
{
    readonly StringBuilder _text = new();

    /// <summary>Begins to read.</summary>
    /// <param name="process">A process whose two streams are redirected.</param>
    public ProcessOutput(Process process)
    {
        process.OutputDataReceived += Collect;
        process.ErrorDataReceived += Collect;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        void Collect(object sender, DataReceivedEventArgs line)
        {
            lock (_text)
            {
                _text.AppendLine(line.Data);
            }
        }
    }

    /// <summary>Everything printed so far.</summary>
    public override string ToString()
    {
        lock (_text)
        {
            return _text.ToString();
        }
    }
}
