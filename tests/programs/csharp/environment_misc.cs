//! args: one two four
//! stdin: 12 34\nname\n\nrest of it\nlast
//! flags: -r:System.dll
using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;

class Disposable : IDisposable { readonly string name; public Disposable(string n) { name = n; Console.WriteLine("open " + n); } public void Dispose() { Console.WriteLine("close " + name); } }
class Finalized { public static int Count; ~Finalized() { Count++; } }

class EnvironmentMisc
{
    static int Make() { for (int i = 0; i < 20; i++) new Finalized(); return 1; }
    static WeakReference Weak() { return new WeakReference(new object()); }
    static event Action<string> Said; static int raised;

    static int Main(string[] args)
    {
        Console.WriteLine(args.Length + ":" + string.Join("|", args) + " " + Environment.GetCommandLineArgs().Length); string[] two = Console.ReadLine().Split(' '); Console.WriteLine(int.Parse(two[0]) + int.Parse(two[1])); Console.WriteLine(Console.ReadLine() + "[" + Console.ReadLine() + "]" + (char)Console.Read() + (char)Console.In.Peek() + Console.ReadLine() + "|" + Console.In.ReadToEnd() + "|" + (Console.ReadLine() == null) + Console.Read());
        Console.Out.Write("{0}-{1}-{2}-{3}\n", 1, 2, 3, 4); Console.Write('c'); Console.Write(true); Console.Write(2.5m); Console.Write(new[] { 'x', 'y' }); Console.WriteLine((object)null); Console.WriteLine(); Console.WriteLine(new[] { 'a', 'b', 'c' }, 1, 2); Console.WriteLine("{0,-5}|{1,5}|", "ab", "cd"); var old = Console.Out; var capture = new StringWriter(); Console.SetOut(capture); Console.WriteLine("captured"); Console.SetOut(old); Console.WriteLine(capture.ToString().Trim() + Console.IsOutputRedirected + Console.IsInputRedirected); Console.Error.WriteLine("error"); using (var o = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true }) o.WriteLine("raw é");
        Environment.SetEnvironmentVariable("MY_VAR", "value"); Console.WriteLine(Environment.GetEnvironmentVariable("MY_VAR") + " " + (Environment.GetEnvironmentVariable("NO_SUCH") ?? "null") + " " + Environment.ExpandEnvironmentVariables("%MY_VAR%/x%NONE%") + " " + Environment.GetEnvironmentVariables().Contains("MY_VAR")); Environment.SetEnvironmentVariable("MY_VAR", null); Console.WriteLine(Environment.GetEnvironmentVariable("MY_VAR") == null); Console.WriteLine(Environment.NewLine.Length + " " + Environment.OSVersion.Platform + " " + Environment.Is64BitProcess + " " + (Environment.ProcessorCount > 0) + " " + Environment.HasShutdownStarted + " " + Environment.Version + " " + (Environment.TickCount != 0) + " " + Environment.CurrentDirectory.StartsWith("/") + " " + (Environment.MachineName.Length > 0) + " " + Environment.UserInteractive + " " + Environment.GetFolderPath(Environment.SpecialFolder.System) + "|" + Environment.StackTrace.Contains("Main") + " " + Environment.SystemPageSize);
        using (new Disposable("a")) using (new Disposable("b")) Console.WriteLine("body"); try { using (new Disposable("c")) throw new Exception("x"); } catch (Exception e) { Console.WriteLine(e.Message); } var watch = Stopwatch.StartNew(); Thread.Sleep(15); watch.Stop(); Console.WriteLine((watch.ElapsedMilliseconds >= 14) + " " + (watch.Elapsed.TotalSeconds < 5) + " " + Stopwatch.IsHighResolution + " " + watch.IsRunning + " " + (Stopwatch.Frequency > 0)); watch.Reset(); Console.WriteLine(watch.ElapsedTicks); Console.WriteLine((DateTime.UtcNow.Year > 2020) + " " + (DateTime.Now - DateTime.UtcNow).TotalHours.ToString("F0") + " " + TimeZoneInfo.Utc.Id + " " + TimeZoneInfo.Local.BaseUtcOffset + " " + new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc).ToLocalTime().Hour);
        Make(); for (int i = 0; i < 5 && Finalized.Count < 10; i++) { GC.Collect(); GC.WaitForPendingFinalizers(); } Console.WriteLine(Finalized.Count >= 10); var weak = Weak(); GC.Collect(); GC.WaitForPendingFinalizers(); GC.Collect(); var keep = new object(); var strong = new WeakReference(keep); var generic = new WeakReference<object>(keep); object target; Console.WriteLine(strong.IsAlive + " " + (strong.Target == keep) + " " + generic.TryGetTarget(out target) + " " + GC.GetGeneration(keep).ToString().Length + " " + (GC.GetTotalMemory(false) > 0)); GC.KeepAlive(keep); GC.SuppressFinalize(keep); GC.AddMemoryPressure(100); GC.RemoveMemoryPressure(100);
        Action<string> handler = s => { raised++; Console.WriteLine("said " + s); }; Said += handler; Said += s => raised += 10; Said("hi"); Said -= handler; Said("again"); Console.WriteLine(raised + " " + Said.GetInvocationList().Length); AppDomain.CurrentDomain.ProcessExit += (s, e) => Console.WriteLine("exiting"); Console.WriteLine(AppDomain.CurrentDomain.FriendlyName.EndsWith(".exe") + " " + AppDomain.CurrentDomain.BaseDirectory.EndsWith("/") + " " + Process.GetCurrentProcess().Id.ToString().Equals(new FileInfo("/proc/self").Name.Length > 0 ? Process.GetCurrentProcess().Id.ToString() : "")); Debug.WriteLine("invisible"); Trace.Assert(true); Environment.ExitCode = 3; return 7;
    }
}
