using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks;

// Whole texts of exceptions: nested, rethrown, through iterators, lambdas, delegates, reflection, class constructors.
class ExceptionsTraces
{
    const MethodImplOptions Keep = MethodImplOptions.NoInlining;
    [MethodImpl(Keep)] static void A(int n) { if (n == 0) throw new InvalidOperationException("deep"); A(n - 1); }
    [MethodImpl(Keep)] static void R() { try { A(1); } catch (Exception) { throw; } }
    [MethodImpl(Keep)] static void Again() { try { A(1); } catch (Exception e) { throw e; } }
    [MethodImpl(Keep)] static void Wrap() { try { A(1); } catch (Exception e) { throw new ApplicationException("wrapped", e); } }
    [MethodImpl(Keep)] static void Rec(int n) { try { if (n == 0) throw new Exception("rec"); Rec(n - 1); } catch { throw; } }
    [MethodImpl(Keep)] static void Fin() { try { A(0); } finally { Console.WriteLine("finally"); } }
    [MethodImpl(Keep)] static int Null(string s) { int before = Id(1); return before + s.Length; }
    [MethodImpl(Keep)] static int Index(int[] a, int i) { return Id(2) + a[i] * Id(3); }
    [MethodImpl(Keep)] static int Div(int a, int b) { int x = Id(a); return x / b; }
    [MethodImpl(Keep)] static string Cast(object o) { return "x" + (string)o; }
    [MethodImpl(Keep)] static int Id(int n) { return n; }
    [MethodImpl(Keep)] static int Sum(int a, int b, int c) { return a + b + c; }
    [MethodImpl(Keep)] static int Thrower(int n) { if (n > 0) throw new ArgumentException("bad", "n"); return n; }
    [MethodImpl(Keep)] static int Nested() { return Sum(Id(1), Thrower(2), Id(3)); }
    static IEnumerable<int> Iterate() { yield return 1; Thrower(5); yield return 2; }
    class Statics { public static int Value = Thrower(7); [MethodImpl(Keep)] public static int Get() { return Value; } }
    class Prop { public int this[int i] { [MethodImpl(Keep)] get { throw new NotSupportedException(); } } public event Action E; [MethodImpl(Keep)] public void Raise() { E(); } }
    struct Value : IDisposable { [MethodImpl(Keep)] public void Dispose() { throw new ObjectDisposedException("thing"); } }
    static void Show(Action a) { try { a(); } catch (Exception e) { Print(e); Console.WriteLine("--"); } }

    // Module ids differ from build to build.
    static void Print(object trace)
    {
        foreach (string line in trace.ToString().Split('\n'))
        {
            int end = line.IndexOf(" in <", StringComparison.Ordinal);
            Console.WriteLine(end < 0 ? line : line.Substring(0, end));
        }
    }

    static void Main()
    {
        Show(R); Show(Again); Show(Wrap); Show(Fin); Show(() => Rec(2));
        Show(() => Null(null)); Show(() => Index(new int[1], 4)); Show(() => Div(1, 0)); Show(() => Cast(new object())); Show(() => Nested());
        Show(() => { foreach (int i in Iterate()) Console.WriteLine(i); });
        for (int i = 0; i < 2; i++) try { Statics.Get(); } catch (TypeInitializationException e) { Console.WriteLine(e.Message); Print(e.InnerException); }
        Show(() => { int x = new Prop()[3]; }); Show(() => { var p = new Prop(); p.E += () => A(0); p.Raise(); });
        Show(() => { using (new Value()) Console.WriteLine("in using"); });
        Show(() => typeof(ExceptionsTraces).GetMethod("A", BindingFlags.NonPublic | BindingFlags.Static).Invoke(null, new object[] { 0 }));
        Show(() => Activator.CreateInstance(typeof(Statics).Assembly.GetType("None", true)));
        ExceptionDispatchInfo info = null;
        try { A(0); } catch (Exception e) { info = ExceptionDispatchInfo.Capture(e); }
        Show(() => info.Throw());
        Show(() => { throw new AggregateException("many", new Exception("a"), new ArgumentException("b")); });
        try { Wrap(); } catch (Exception e) { Console.WriteLine(e.GetBaseException().Message + " " + e.TargetSite.Name + " " + e.Source + " " + (e.Data.Count == 0) + " " + e.HResult.ToString("x")); }
        Func<int, int> f = Thrower; Show(() => f(1)); Action many = () => { }; many += () => A(1); Show(many);
        try { try { A(0); } finally { A(2); } } catch (Exception e) { Print(e.StackTrace); }
        try { try { A(0); } catch (InvalidOperationException e) when (Thrower(0) == 0) { Print(e.StackTrace); throw new Exception("second", e); } } catch (Exception e) { Print(e.StackTrace); Print(e.InnerException.StackTrace); }
        Console.WriteLine(new Exception("never thrown", new Exception("inner")));
        Console.WriteLine(new Exception().StackTrace ?? "no trace");
    }
}
