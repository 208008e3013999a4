using System;

class LateExceptionText
{
    static void Show(Action action)
    {
        try { action(); }
        catch (Exception e) { Console.WriteLine(e.GetType().FullName + ": " + e.Message + (e.InnerException != null ? " < " + e.InnerException.GetType().Name : "")); }
    }

    static object nothing;
    static int zero;

    class Custom : Exception { public Custom() { } }

    static void Main()
    {
        Show(() => nothing.ToString());
        Show(() => zero = 1 / zero);
        Show(() => zero = new int[2][5]);
        Show(() => zero = (int)(object)"text");
        Show(() => ((object[])new string[1])[0] = 5);
        Show(() => zero = checked(int.MaxValue + int.Parse("1")));
        Show(() => { throw new ArgumentNullException("parameter"); });
        Show(() => { throw new ArgumentOutOfRangeException("index", "too large"); });
        Show(() => { throw new ArgumentException("bad", "name"); });
        Show(() => { throw new Custom(); });
        Show(() => { throw new Exception("outer", new Custom()); });
        Show(() => "abc".Substring(5));
        Show(() => int.Parse("x"));
        Show(() => new System.Collections.Generic.Dictionary<int, int>()[3].ToString());
        Show(() => new System.Collections.Generic.List<int>()[0].ToString());
        Show(() => { int? n = null; n.Value.ToString(); });
        Show(() => { throw new NotImplementedException(); });
        Show(() => { throw new NotSupportedException(); });
        Show(() => Activator.CreateInstance(typeof(string)));
        Show(() => { throw null; });
        Console.WriteLine(new Custom().ToString());
        Console.WriteLine(new Exception("a", new Custom()).ToString());
        Console.WriteLine(new InvalidOperationException().Message + " " + new InvalidOperationException().HResult);
    }
}
