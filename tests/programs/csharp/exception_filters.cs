using System;

class CodedException : Exception
{
    public int Code;
    public CodedException(int code) : base("coded " + code) { Code = code; }
}

class ExceptionFilters
{
    static string log = "";

    static bool Log(string text, bool result)
    {
        log += text + " ";
        return result;
    }

    static string Pick(int code)
    {
        try { throw new CodedException(code); }
        catch (CodedException e) when (e.Code < 10) { return "small " + e.Code; }
        catch (CodedException e) when (e.Code % 2 == 0) { return "even " + e.Code; }
        catch (CodedException e) when (Log("asked", e.Code == 77)) { return "lucky"; }
        catch (Exception e) when (e.Message.Length > 8) { return "long message"; }
        catch (CodedException) { return "rest"; }
    }

    // The filter runs before the finally blocks of the frames below it.
    static void Inner()
    {
        try { log += "body "; throw new CodedException(5); }
        finally { log += "inner-finally "; }
    }

    static void Order()
    {
        try
        {
            try { Inner(); }
            catch (CodedException) when (Log("first-filter", false)) { log += "never "; }
            finally { log += "middle-finally "; }
        }
        catch (CodedException) when (Log("second-filter", true)) { log += "handler "; }
    }

    // A filter sees and changes the locals of its method.
    static int Locals(int start)
    {
        int count = start, seen = 0;
        string text = "t";
        try
        {
            count += 5;
            text += "u";
            throw new CodedException(count);
        }
        catch (CodedException e) when ((seen = count + e.Code) > 0 && (text += "f") != null && count++ > 100) { return -1; }
        catch (CodedException) { return seen * 1000 + count * 10 + text.Length; }
    }

    static bool Catching()
    {
        try { throw new InvalidOperationException("in filter"); }
        catch (InvalidOperationException e) { log += e.Message + " "; return true; }
    }

    static string NestedCatch()
    {
        try { throw new CodedException(1); }
        catch (CodedException e) when (Catching()) { return "caught " + e.Code; }
    }

    static int Recursive(int n)
    {
        try
        {
            if (n == 0) throw new CodedException(4);
            return Recursive(n - 1);
        }
        catch (CodedException e) when (Log("f" + n, n == e.Code)) { return n * 100; }
        finally { log += "u" + n + " "; }
    }

    static string Rethrown()
    {
        try
        {
            try { throw new CodedException(1); }
            catch (CodedException e) when (e.Code == 1) { e.Code = 2; throw; }
        }
        catch (CodedException e) when (e.Code == 1) { return "not changed"; }
        catch (CodedException e) when (e.Code == 2) { return "changed"; }
    }

    static string Implicit(int[] array, int i, int d)
    {
        try { return "value " + array[i] / d; }
        catch (Exception e) when (e is IndexOutOfRangeException) { return "index " + i; }
        catch (Exception e) when (e is NullReferenceException) { return "null"; }
        catch (Exception e) when (d == 0) { return "division"; }
    }

    static void Show(string what)
    {
        Console.WriteLine(what + ": " + log);
        log = "";
    }

    static void Main()
    {
        foreach (int code in new int[] { 1, 9, 10, 12, 77, 79, 12345 })
            Show(Pick(code));
        Order();
        Show("order");
        Console.WriteLine(Locals(1) + " " + Locals(20) + " " + Locals(-100));
        Show(NestedCatch());
        Console.WriteLine(Recursive(7));
        Show("recursive");
        Console.WriteLine(Rethrown());
        int[] array = { 10, 20 };
        Console.WriteLine(Implicit(array, 1, 5) + ", " + Implicit(array, 2, 5) + ", " + Implicit(null, 0, 5) + ", " + Implicit(array, 0, 0));
        int total = 0;
        for (int i = 0; i < 200; i++)
        {
            try { throw new CodedException(i); }
            catch (CodedException e) when (e.Code % 3 == 0) { total += e.Code; }
            catch (CodedException e) when ((i & 1) == 1) { total -= i; }
            catch { total++; }
        }
        Console.WriteLine(total);
    }
}
