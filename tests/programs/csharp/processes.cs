//! flags: -r:System.dll
// Programs started by a program: output, input, exit codes, environment; what a process says of itself.
using System;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;

class Program
{
    static Process Start(string file, string args, bool input = false)
    {
        return Process.Start(new ProcessStartInfo(file, args) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = input });
    }

    static void Main()
    {
        using (Process p = Start("/bin/echo", "one \"two three\""))
        {
            Console.Write(p.StandardOutput.ReadToEnd());
            p.WaitForExit();
            Console.WriteLine("{0} {1}", p.ExitCode, p.HasExited);
        }
        using (Process p = Start("/bin/sh", "-c \"echo out; echo err >&2; exit 7\""))
        {
            Console.Write(p.StandardOutput.ReadToEnd());
            Console.Write(p.StandardError.ReadToEnd());
            p.WaitForExit();
            Console.WriteLine(p.ExitCode);
        }
        using (Process p = Start("/bin/cat", "", true))
        {
            p.StandardInput.WriteLine("through a pipe");
            p.StandardInput.Close();
            Console.Write(p.StandardOutput.ReadToEnd());
            p.WaitForExit();
            Console.WriteLine(p.ExitCode);
        }
        var info = new ProcessStartInfo("/bin/sh", "-c \"echo $GREETING; pwd\"") { UseShellExecute = false, RedirectStandardOutput = true, WorkingDirectory = "/" };
        info.EnvironmentVariables["GREETING"] = "hello";
        using (Process p = Process.Start(info)) { Console.Write(p.StandardOutput.ReadToEnd()); p.WaitForExit(); }
        using (Process p = Start("/bin/sh", "-c \"for i in 1 2 3; do echo line $i; done\""))
        {
            var lines = new StringBuilder();
            p.OutputDataReceived += (s, e) => { if (e.Data != null) lock (lines) lines.Append(e.Data).Append(';'); };
            p.BeginOutputReadLine();
            p.WaitForExit();
            Console.WriteLine(lines);
        }
        using (Process p = Start("/bin/sleep", "100"))
        {
            Console.WriteLine(p.WaitForExit(50));
            p.Kill();
            p.WaitForExit();
            Console.WriteLine(p.HasExited);
        }
        try { Process.Start(new ProcessStartInfo("/no/such/program") { UseShellExecute = false }); }
        catch (System.ComponentModel.Win32Exception e) { Console.WriteLine(e.NativeErrorCode); }
        using (Process me = Process.GetCurrentProcess())
        {
            Console.WriteLine("{0} {1} {2}", me.Id > 0, me.WorkingSet64 > 0, me.Id == Process.GetProcessById(me.Id).Id);
            Console.WriteLine(me.TotalProcessorTime >= TimeSpan.Zero);
        }
        var watch = Stopwatch.StartNew();
        Thread.Sleep(20);
        Console.WriteLine(watch.ElapsedMilliseconds >= 19);
    }
}
