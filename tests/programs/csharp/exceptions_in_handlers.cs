using System;

class ExceptionsInHandlers
{
    static string log = "";
    static void L(string s) { log += s + " "; }

    static void InCatch()
    {
        try
        {
            try { throw new Exception("one"); }
            catch (Exception e) { L("caught " + e.Message); throw new InvalidOperationException("two", e); }
            finally { L("finally"); }
        }
        catch (InvalidOperationException e) { L(e.Message + " from " + e.InnerException.Message); }
    }

    static void CatchInCatch()
    {
        try { throw new Exception("outer"); }
        catch (Exception outer)
        {
            try { throw new ArgumentException("inner"); }
            catch (ArgumentException inner) { L(inner.Message + " in " + outer.Message); }
            L("still " + outer.Message);
            try
            {
                try { throw; }
                catch (Exception same) { L("same " + ReferenceEquals(same, outer)); }
            }
            finally { L("inner finally"); }
        }
    }

    // An exception that leaves a finally replaces the one that ran it.
    static void Discarded()
    {
        try
        {
            try
            {
                try { throw new Exception("first"); }
                finally { L("f1"); throw new Exception("second"); }
            }
            finally { L("f2"); }
        }
        catch (Exception e) { L("got " + e.Message); }
    }

    // One that is caught inside the finally does not.
    static void Kept()
    {
        try
        {
            try { throw new Exception("first"); }
            finally
            {
                try { L("in"); Thrower(3); }
                catch (Exception e) { L("inner " + e.Message); }
            }
        }
        catch (Exception e) { L("got " + e.Message); }
    }

    static void Thrower(int depth)
    {
        try
        {
            if (depth == 0) throw new InvalidOperationException("deep");
            Thrower(depth - 1);
        }
        finally { L("t" + depth); }
    }

    static void Chain(int n)
    {
        try { throw new Exception("x" + n); }
        catch (Exception e)
        {
            L(e.Message);
            if (n > 0) Chain(n - 1);
            L("back" + n);
        }
        finally { if (n == 2) Kept(); }
    }

    static int LeaveFromCatch()
    {
        int rounds = 0;
        while (true)
        {
            try
            {
                rounds++;
                if (rounds < 5) throw new Exception();
                throw new InvalidOperationException();
            }
            catch (InvalidOperationException) { break; }
            catch (Exception) { if (rounds % 2 == 0) continue; L("odd" + rounds); }
            finally { L("r" + rounds); }
            L("after" + rounds);
        }
        return rounds;
    }

    static string FinallyDuringUnwindCallsCatch(int depth)
    {
        try
        {
            try
            {
                if (depth == 0) throw new Exception("bottom");
                return FinallyDuringUnwindCallsCatch(depth - 1);
            }
            finally
            {
                try { throw new ArgumentException("at " + depth); }
                catch (ArgumentException e) { L(e.Message); }
            }
        }
        catch (Exception e) when (depth == 2) { return "caught at " + depth + " " + e.Message; }
    }

    static Exception Capture(Action action)
    {
        try { action(); }
        catch (Exception e) { return e; }
        return null;
    }

    static void Show(string what)
    {
        Console.WriteLine(what + ": " + log);
        log = "";
    }

    static void Main()
    {
        InCatch();
        Show("in catch");
        CatchInCatch();
        Show("catch in catch");
        Discarded();
        Show("discarded");
        Kept();
        Show("kept");
        Chain(4);
        Show("chain");
        Console.WriteLine(LeaveFromCatch());
        Show("leave");
        Console.WriteLine(FinallyDuringUnwindCallsCatch(4));
        Show("unwind");
        Exception e = Capture(() => { Capture(() => { throw new Exception("swallowed"); }); throw new Exception("kept"); });
        Console.WriteLine(e.Message);
        Console.WriteLine(Capture(() => { }) == null);
        Exception inner = Capture(() =>
        {
            try { int zero = 0; zero = 1 / zero; }
            catch (DivideByZeroException d)
            {
                try { object o = null; o.ToString(); }
                catch (NullReferenceException n) { throw new AggregateLike(d, n); }
            }
        });
        var both = (AggregateLike)inner;
        Console.WriteLine((both.A is DivideByZeroException) + " " + (both.B is NullReferenceException));
    }

    class AggregateLike : Exception
    {
        public readonly Exception A, B;
        public AggregateLike(Exception a, Exception b) { A = a; B = b; }
    }
}
